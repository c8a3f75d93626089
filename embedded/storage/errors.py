"""Errors of the Storage API."""

from typing import Final

import asyncpg
from starlette.responses import JSONResponse, Response

from embedded.keys import KeyRefused

_SHOWN: Final = frozenset({500, 503, 544})
"""As the status of HTTP; clients find any other one in the body."""


class StorageError(Exception):
    """An error response; the client sees the status in the body, and 400 or 500 as that of HTTP."""

    def __init__(self, status: int, error: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.code = code or error

    def build_response(self) -> Response:
        """Build the response."""
        body = {
            "statusCode": str(self.status),
            "error": self.error,
            "code": self.code,
            "message": str(self),
        }
        return JSONResponse(body, self.status if self.status in _SHOWN else 400)


def bucket_not_found() -> StorageError:
    """Return the error for a bucket that does not exist, or that the caller does not see."""
    return StorageError(404, "Bucket not found", "Bucket not found", "NoSuchBucket")


def object_not_found() -> StorageError:
    """Return the error for an object that does not exist, or that the caller does not see."""
    return StorageError(404, "not_found", "Object not found", "NoSuchKey")


def invalid_parameter(message: str) -> StorageError:
    """Return the error for a wrong body or parameter."""
    return StorageError(400, "InvalidParameter", message)


def too_large() -> StorageError:
    """Return the error for a content above the limit of its bucket or of the server."""
    message = "The object exceeded the maximum allowed size"
    return StorageError(413, "Payload too large", message, "EntityTooLarge")


def already_exists() -> StorageError:
    """Return the error for the name of another bucket or object."""
    return StorageError(409, "Duplicate", "The resource already exists", "ResourceAlreadyExists")


def translate_database_error(error: asyncpg.PostgresError) -> StorageError:
    """Return what a client sees of an error that Postgres reports."""
    match error:
        case asyncpg.InsufficientPrivilegeError():
            return StorageError(403, "Unauthorized", str(error), "AccessDenied")
        case asyncpg.UniqueViolationError():
            return already_exists()
        case asyncpg.ForeignKeyViolationError():
            return bucket_not_found()
        case asyncpg.QueryCanceledError():
            message = "The connection to the database timed out"
            return StorageError(544, "DatabaseTimeout", message)
        case asyncpg.DataError() | asyncpg.IntegrityConstraintViolationError():
            return invalid_parameter(str(error))
        case _:
            return StorageError(500, "DatabaseError", str(error))


def translate_refusal(refused: KeyRefused) -> StorageError:
    """Return what a client sees if its key or token is refused."""
    return StorageError(403, "Unauthorized", str(refused), "InvalidJWT")
