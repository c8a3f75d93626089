"""The boundary between HTTP and the Data API: who asks, and what every failure answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from operator import itemgetter
from typing import Final, TypeAlias
from urllib.parse import quote as percent
from urllib.parse import urlencode

import asyncpg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from embedded.keys import Identity, KeyRefused, Keys, identify
from embedded.rest.errors import ApiError, from_postgres
from embedded.rest.request.query import parse_pairs
from embedded.rest.responses import error_response
from embedded.rest.transaction import Context, DatabaseDownError, PoolExhaustedError

READING: Final = frozenset({"GET", "HEAD"})

LOST: Final = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.ConnectionDoesNotExistError,
    DatabaseDownError,
)
"""What a connection to the database that breaks, or cannot be made, looks like."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request whose sender is known."""

    method: str
    name: str
    """The table or function in the path."""
    path: str
    """The path below the API's root."""
    pairs: list[tuple[str, str]]
    headers: dict[str, str]
    preferences: list[str]
    """The values of all Prefer headers."""
    body: bytes
    identity: Identity

    @property
    def is_reading(self) -> bool:
        """Whether the method promises to change nothing."""
        return self.method in READING

    @property
    def location(self) -> str:
        """The path with its parameters in order of their names."""
        pairs = urlencode(sorted(self.pairs, key=itemgetter(0)))
        return f"/{percent(self.name)}" + (f"?{pairs}" if pairs else "")

    @property
    def profile(self) -> str | None:
        """The schema that is asked for."""
        return self.headers.get("accept-profile" if self.is_reading else "content-profile")

    def context(
        self, settings: Mapping[str, str], *, timezone: str | None, pre_request: str | None
    ) -> Context:
        """The context of this request's transaction."""
        return Context(
            role=self.identity.role,
            claims=self.identity.claims,
            method=self.method,
            path=self.path,
            headers=self.headers,
            cookies=_cookies(self.headers.get("cookie", "")),
            settings=settings,
            timezone=timezone,
            pre_request=pre_request,
        )


Handler: TypeAlias = Callable[[Inbound], Awaitable[Response]]


class Endpoint:
    """An ASGI application around one handler; takes every method."""

    def __init__(self, keys: Keys, handler: Handler) -> None:
        self._keys = keys
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every failure becomes a response."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        response = await self._respond(request, body)
        await response(scope, receive, send)

    async def _respond(self, request: Request, body: bytes) -> Response:
        identity: Identity | None = None
        try:
            pairs = parse_pairs(request.scope["query_string"])
            key = request.headers.get("apikey") or dict(pairs).get("apikey")
            identity = identify(
                self._keys,
                apikey=key,
                authorization=request.headers.get("authorization"),
                user_agent=request.headers.get("user-agent"),
            )
            return await self._handle(_inbound(request, pairs, body, identity))
        except KeyRefused as error:
            return _refusal(error)
        except ApiError as error:
            failure = error
        except LOST as error:
            message = "Database client error. Retrying the connection."
            failure = ApiError(503, "PGRST001", message, details=str(error))
        except asyncpg.PostgresError as error:
            failure = from_postgres(error, anonymous=identity is None or identity.role == "anon")
        except PoolExhaustedError:
            failure = ApiError(
                504, "PGRST003", "Timed out acquiring connection from connection pool."
            )
        return error_response(failure, has_body=request.method != "HEAD")

    async def _handle(self, inbound: Inbound) -> Response:
        response = await self._handler(inbound)
        if inbound.profile is not None:
            response.headers.setdefault("Content-Profile", inbound.profile)
        return response


def _inbound(
    request: Request, pairs: list[tuple[str, str]], body: bytes, identity: Identity
) -> Inbound:
    return Inbound(
        method=request.method,
        name=request.path_params.get("name", ""),
        path=request.scope["path"].removeprefix(request.scope.get("root_path", "")),
        pairs=[(name, value) for name, value in pairs if name != "apikey"],
        headers=dict(request.headers),
        preferences=request.headers.getlist("prefer"),
        body=body,
        identity=identity,
    )


def _refusal(error: KeyRefused) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if code := error.body.get("code"):
        headers["Proxy-Status"] = f"PostgREST; error={code}"
    return JSONResponse(error.body, error.status, headers)


def _cookies(header: str) -> dict[str, str]:
    if not header:
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
