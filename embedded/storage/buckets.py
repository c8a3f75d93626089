"""Handlers of buckets."""

import re
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from embedded.storage.contents import ContentFolder
from embedded.storage.endpoint import Connection, Row, StorageCall, check_bucket_name
from embedded.storage.errors import StorageError, bucket_not_found, invalid_parameter

_SHOWN: Final = ("id", "name", "public", "file_size_limit", "allowed_mime_types")
_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_SIZE: Final = re.compile(r"(\d{1,15})(gb|mb|kb|b)", re.ASCII | re.IGNORECASE)
_SETTINGS: Final = ("public", "file_size_limit", "allowed_mime_types")
_LARGEST: Final = 2**62


class Buckets:
    """The handlers."""

    def __init__(self, contents: ContentFolder) -> None:
        self._contents = contents

    async def list_buckets(self, call: StorageCall) -> Response:
        """Return all buckets that the caller sees."""
        async with call.begin() as connection:
            rows = await connection.fetch("select * from storage.buckets order by id")
        return JSONResponse([_show(row) for row in rows])

    async def get_bucket(self, call: StorageCall) -> Response:
        """Return one bucket."""
        async with call.begin() as connection:
            return JSONResponse(_show(await _find_bucket(connection, call.bucket)))

    async def create_bucket(self, call: StorageCall) -> Response:
        """Create a bucket."""
        body = await call.read_json()
        name = check_bucket_name(body.get("name") or body.get("id"))
        settings = _read_settings(body)
        async with call.begin() as connection:
            await connection.execute(
                "insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit,"
                " allowed_mime_types) values ($1, $2, $3, $4, coalesce($5, false), $6, $7)",
                check_bucket_name(body.get("id") or name), name, *call.owner,
                *(settings.get(each) for each in _SETTINGS),
            )  # fmt: skip
        return JSONResponse({"name": name})

    async def update_bucket(self, call: StorageCall) -> Response:
        """Change the settings that the body has."""
        settings = _read_settings(await call.read_json())
        assignments = [f"{name} = ${n}" for n, name in enumerate(settings, 2)]
        async with call.begin() as connection:
            await _find_bucket(connection, call.bucket)
            changed = await connection.fetchval(
                f"update storage.buckets set {', '.join([*assignments, 'updated_at = now()'])}"  # noqa: S608
                " where id = $1 returning id",
                call.bucket,
                *settings.values(),
            )
        if changed is None:
            raise bucket_not_found()
        return JSONResponse({"message": "Successfully updated"})

    async def empty_bucket(self, call: StorageCall) -> Response:
        """Delete all objects of a bucket that the caller may delete."""
        async with call.begin() as connection:
            await _find_bucket(connection, call.bucket)
            rows = await connection.fetch(
                "delete from storage.objects where bucket_id = $1 returning version", call.bucket
            )
        self._contents.delete([row["version"] for row in rows])
        return JSONResponse({"message": "Successfully emptied"})

    async def delete_bucket(self, call: StorageCall) -> Response:
        """Delete an empty bucket."""
        is_used = "select exists (select from storage.objects where bucket_id = $1)"
        async with call.begin() as connection:
            await _find_bucket(connection, call.bucket)
            if await call.database.admin.fetchval(is_used, call.bucket):
                message = "The bucket you tried to delete is not empty"
                raise StorageError(409, "InvalidRequest", message, "ResourceNotEmpty")
            if not await connection.fetchval(
                "delete from storage.buckets where id = $1 returning true", call.bucket
            ):
                raise bucket_not_found()
        return JSONResponse({"message": "Successfully deleted"})


async def _find_bucket(connection: Connection, bucket: str) -> Row:
    row = await connection.fetchrow("select * from storage.buckets where id = $1", bucket)
    if row is None:
        raise bucket_not_found()
    return row


def _show(row: Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _SHOWN},
        "owner": str(row["owner"] or ""),
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
    }


def _read_settings(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: body[name] for name in _SETTINGS if name in body}
    if not isinstance(found.get("public", False), bool):
        raise invalid_parameter("body/public must be boolean")
    types = found.get("allowed_mime_types")
    if types is not None and not (
        isinstance(types, list) and all(isinstance(each, str) for each in types)
    ):
        raise invalid_parameter("body/allowed_mime_types must be array of strings")
    if found.get("file_size_limit") is not None:
        found["file_size_limit"] = _read_size(found["file_size_limit"])
    return found


def _read_size(value: Any) -> int:
    """Return a number of bytes, which may be written as 20MB."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return value
    given = _SIZE.fullmatch(value if "b" in str(value).lower() else f"{value}b")
    if given is None:
        raise invalid_parameter("Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B")
    return min(int(given[1]) * _UNITS[given[2].lower()], _LARGEST)
