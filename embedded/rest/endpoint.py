"""The boundary between HTTP and the Data API: authentication, and responses to errors."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
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

from embedded.keys import Identity, KeyRefused, Keys, identify_headers
from embedded.postgres.connection_errors import CLIENT_ERRORS
from embedded.rest.errors import ApiError, translate_postgres_error
from embedded.rest.request.query import parse_pairs
from embedded.rest.responses import build_error_response
from embedded.rest.transaction import Context, DatabaseDownError, PoolExhaustedError

READING: Final = frozenset({"GET", "HEAD"})

CONNECTION_ERRORS: Final = (
    *CLIENT_ERRORS,
    asyncpg.ConnectionDoesNotExistError,
    DatabaseDownError,
)
"""Errors of lost connections and failed connection attempts."""


@dataclass(frozen=True, slots=True)
class RestRequest:
    """An authenticated request."""

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
        """True if the method is safe."""
        return self.method in READING

    @property
    def location(self) -> str:
        """The path with its parameters, sorted by name."""
        pairs = urlencode(sorted(self.pairs, key=itemgetter(0)))
        return f"/{percent(self.name)}" + (f"?{pairs}" if pairs else "")

    @property
    def profile(self) -> str | None:
        """The requested schema."""
        return self.headers.get("accept-profile" if self.is_reading else "content-profile")

    def build_context(
        self, settings: Mapping[str, str], *, timezone: str | None, pre_request: str | None
    ) -> Context:
        """Build the context of the request's transaction."""
        return Context(
            role=self.identity.role,
            claims=self.identity.claims,
            method=self.method,
            path=self.path,
            headers=self.headers,
            cookies=_parse_cookies(self.headers.get("cookie", "")),
            settings=settings,
            timezone=timezone,
            pre_request=pre_request,
        )


RestHandler: TypeAlias = Callable[[RestRequest], Awaitable[Response]]


class RestEndpoint:
    """ASGI application for one handler, with all methods."""

    def __init__(self, keys: Keys, handler: RestHandler) -> None:
        self._keys = keys
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; every error becomes a response."""
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
            url_key = dict(pairs).get("apikey")
            identity = identify_headers(self._keys, request.headers, url_key=url_key)
            return await self._handle(_build_request(request, pairs, body, identity))
        except KeyRefused as error:
            return _build_refusal(error)
        except ApiError as error:
            failure = error
        except CONNECTION_ERRORS as error:
            message = "Database client error. Retrying the connection."
            failure = ApiError(503, "PGRST001", message, details=str(error))
        except asyncpg.PostgresError as error:
            failure = translate_postgres_error(
                error, anonymous=identity is None or identity.role == "anon"
            )
        except PoolExhaustedError:
            failure = ApiError(
                504, "PGRST003", "Timed out acquiring connection from connection pool."
            )
        return build_error_response(failure, has_body=request.method != "HEAD")

    async def _handle(self, request: RestRequest) -> Response:
        response = await self._handler(request)
        if request.profile is not None:
            response.headers.setdefault("Content-Profile", request.profile)
        return response


def _build_request(
    request: Request, pairs: list[tuple[str, str]], body: bytes, identity: Identity
) -> RestRequest:
    return RestRequest(
        method=request.method,
        name=request.path_params.get("name", ""),
        path=request.scope["path"].removeprefix(request.scope.get("root_path", "")),
        pairs=[(name, value) for name, value in pairs if name != "apikey"],
        headers=_parse_headers(request.scope["headers"]),
        preferences=request.headers.getlist("prefer"),
        body=body,
        identity=identity,
    )


def _parse_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the first value of each header."""
    headers: dict[str, str] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return headers


def _build_refusal(error: KeyRefused) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if code := error.body.get("code"):
        headers["Proxy-Status"] = f"PostgREST; error={code}"
    return JSONResponse(error.body, error.status, headers)


def _parse_cookies(header: str) -> dict[str, str]:
    if not header:
        return {}
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
