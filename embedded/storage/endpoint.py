"""The boundary between HTTP and Storage: the caller, their transaction, and responses to errors."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from embedded.keys import Identity, KeyRefused, Keys, identify_headers
from embedded.postgres.connection_errors import CLIENT_ERRORS
from embedded.postgres.database import Database
from embedded.storage.errors import (
    StorageError,
    invalid_parameter,
    translate_database_error,
    translate_refusal,
)

Row: TypeAlias = "asyncpg.Record"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
MAX_JSON: Final = 1024 * 1024
_MAX_KEY: Final = 1024
_CHARACTERS: Final = r"[\w!\-.*'() &$@=;:+,?"
_BUCKET: Final = re.compile(rf"{_CHARACTERS}]{{1,100}}", re.ASCII)
_KEY: Final = re.compile(rf"{_CHARACTERS}/]{{1,{_MAX_KEY}}}", re.ASCII)
_DOTS: Final = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class StorageCall:
    """A request, and who makes it."""

    request: Request
    database: Database
    identity: Identity
    operation: str
    """As policies see it, such as `storage.object.upload`."""

    @property
    def bucket(self) -> str:
        """The bucket in the path, by its id."""
        return str(self.request.path_params["bucket"])

    @property
    def key(self) -> str:
        """The name of the object in the path. Raises StorageError."""
        return check_object_name(self.request.path_params["key"])

    @property
    def owner(self) -> tuple[UUID | None, str | None]:
        """The user as `owner` and `owner_id`; None for a key."""
        subject = self.identity.claims.get("sub")
        try:
            return UUID(str(subject)), str(subject)
        except ValueError:
            return None, None if subject is None else str(subject)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[Connection]:
        """Open a transaction in the role of the caller, with their claims."""
        async with self.database.requests.acquire() as connection, connection.transaction():
            await connection.execute(
                "select set_config('search_path', 'public, extensions', true),"
                " set_config('role', $1, true), set_config('request.jwt.claims', $2, true),"
                " set_config('storage.operation', $3, true),"
                " set_config('storage.allow_delete_query', 'true', true)",
                self.identity.role,
                json.dumps({**self.identity.claims, "role": self.identity.role}),
                self.operation,
            )
            yield connection

    async def read_json(self) -> dict[str, Any]:
        """Return the body, a JSON object. Raises StorageError."""
        content = await read_object_content(self.request, MAX_JSON)
        try:
            body = json.loads(content or b"{}")
        except (ValueError, RecursionError) as error:
            raise invalid_parameter("body must be JSON") from error
        if not isinstance(body, dict):
            raise invalid_parameter("body must be object")
        return body


StorageHandler: TypeAlias = Callable[[StorageCall], Awaitable[Response]]


class StorageEndpoint:
    """Builds endpoints from handlers."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    def wrap(
        self, handler: StorageHandler, operation: str, *, is_public: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """Wrap a handler. One that is public gets everybody as `anon`, whatever their key."""

        async def endpoint(request: Request) -> Response:
            try:
                identity = Identity("anon", {}) if is_public else self._identify(request)
                return await handler(
                    StorageCall(request, self._database, identity, f"storage.{operation}")
                )
            except StorageError as error:
                return error.build_response()
            except ClientDisconnect:
                raise
            except KeyRefused as refused:
                return translate_refusal(refused).build_response()
            except asyncpg.PostgresError as error:
                return translate_database_error(error).build_response()
            except ValueError as error:  # such as text that is no Unicode
                return invalid_parameter(str(error)).build_response()
            except CLIENT_ERRORS as error:
                return StorageError(503, "DatabaseError", str(error)).build_response()

        return endpoint

    def _identify(self, request: Request) -> Identity:
        """Return the caller; unlike other APIs, Storage needs no `apikey` beside a token."""
        headers = dict(request.headers)
        if "apikey" not in headers and "authorization" in headers:
            scheme, _, token = headers["authorization"].partition(" ")
            is_user = token.count(".") == 2 and scheme.lower() == "bearer"
            headers["apikey"] = self._keys.publishable if is_user else token.strip()
        return identify_headers(self._keys, headers)


async def read_object_content(request: Request, most: int) -> bytes:
    """Return the body of a request; raise StorageError as soon as it is too large."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise StorageError(
                413, "Payload too large", "The body exceeded the maximum allowed size",
                "EntityTooLarge",
            )  # fmt: skip
    return bytes(content)


def check_object_name(key: Any) -> str:
    """Return the name of an object; raise StorageError if Storage does not allow it."""
    if not isinstance(key, str) or not _KEY.fullmatch(key) or _DOTS & set(key.split("/")):
        shown = str(key)[:_MAX_KEY].encode(errors="replace").decode()
        raise StorageError(400, "InvalidKey", f"Invalid key: {shown}")
    return key


def check_bucket_name(name: Any) -> str:
    """Return the name of a new bucket; raise StorageError if Storage does not allow it."""
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or name in _DOTS:
        raise StorageError(400, "Invalid Input", "Bucket name invalid", "InvalidBucketName")
    return name
