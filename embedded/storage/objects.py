"""Handlers of objects, but for uploads."""

import json
from typing import Any, Final, TypeAlias

from starlette.responses import FileResponse, JSONResponse, Response

from embedded.storage.contents import ContentFolder
from embedded.storage.endpoint import Row, StorageCall, check_object_name
from embedded.storage.errors import (
    bucket_not_found,
    invalid_parameter,
    object_not_found,
)
from embedded.storage.signatures import UrlSigner

_ConnectionOrPool: TypeAlias = Any
_SHOWN: Final = frozenset({"name", "bucket_id", "version"})
_TIMES: Final = ("created_at", "updated_at", "last_accessed_at")
_SORTED_BY: Final = frozenset({"name", *_TIMES})
_MAX_LISTED: Final = 1_000
_MAX_NUMBER: Final = 2**31
_LIST: Final = """
with found as (
  select o.*, substr(o.name, length($2) + 1) as rest
    from storage.objects o
   where o.bucket_id = $1 and starts_with(o.name, $2)
     and starts_with(lower(substr(o.name, length($2) + 1)), lower($3))
)
select * from (
  select rest as name, id, updated_at, created_at, last_accessed_at, metadata
    from found where strpos(rest, '/') = 0
  union all
  select distinct split_part(rest, '/', 1), null::uuid, null::timestamptz, null::timestamptz,
         null::timestamptz, null::jsonb
    from found where strpos(rest, '/') > 0
) entries
"""
_SAFE: Final = {
    # What people upload must not run scripts in the name of this server.
    "Content-Security-Policy": "sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Objects:
    """The handlers."""

    def __init__(self, contents: ContentFolder, signer: UrlSigner) -> None:
        self._contents = contents
        self._signer = signer

    async def get_object(self, call: StorageCall) -> Response:
        """Return the content of an object that the caller may read, or that is public."""
        async with call.begin() as connection:
            is_public = await _is_bucket_public(call)
            row = await _find(call.database.admin if is_public else connection, call)
        return self._send(call, row)

    async def get_public(self, call: StorageCall) -> Response:
        """Return the content of an object of a public bucket."""
        if not await _is_bucket_public(call):
            raise bucket_not_found()
        return self._send(call, await _find(call.database.admin, call))

    async def get_signed(self, call: StorageCall) -> Response:
        """Return the content of an object by a signed URL."""
        self._signer.check(call.bucket, call.key, call.request.query_params.get("token", ""))
        return self._send(call, await _find(call.database.admin, call))

    async def get_info(self, call: StorageCall) -> Response:
        """Return what is known of an object."""
        async with call.begin() as connection:
            row = await _find(connection, call)
        metadata = json.loads(row["metadata"] or "{}")
        return JSONResponse(
            {
                "id": str(row["id"]),
                "name": row["name"],
                "version": row["version"],
                "bucket_id": row["bucket_id"],
                "size": metadata.get("size"),
                "content_type": metadata.get("mimetype"),
                "cache_control": metadata.get("cacheControl"),
                "etag": metadata.get("eTag"),
                "metadata": json.loads(row["user_metadata"] or "{}"),
                "last_modified": row["updated_at"].isoformat(),
                "created_at": row["created_at"].isoformat(),
            }
        )

    async def list_objects(self, call: StorageCall) -> Response:
        """Return the objects and folders of one folder."""
        body = await call.read_json()
        folder, search = body.get("prefix", ""), body.get("search", "") or ""
        if not isinstance(folder, str) or not isinstance(search, str) or "\0" in folder + search:
            raise invalid_parameter("body/prefix and body/search must be string")
        if folder := folder.strip("/"):
            folder += "/"
        sort = body.get("sortBy") or {}
        column = sort.get("column", "name") if isinstance(sort, dict) else None
        if column not in _SORTED_BY:
            raise invalid_parameter(f"body/sortBy/column must be one of {sorted(_SORTED_BY)}")
        order = "desc" if str(sort.get("order", "asc")).lower() == "desc" else "asc"
        async with call.begin() as connection:
            rows = await connection.fetch(
                f"{_LIST} order by (id is not null), {column} {order}, name limit $4 offset $5",
                call.bucket, folder, search,
                min(_read_number(body, "limit", 100), _MAX_LISTED), _read_number(body, "offset", 0),
            )  # fmt: skip
        return JSONResponse([_show(row) for row in rows])

    async def delete_object(self, call: StorageCall) -> Response:
        """Delete one object."""
        if not await self._delete(call, [call.key]):
            raise object_not_found()
        return JSONResponse({"message": "Successfully deleted"})

    async def delete_many(self, call: StorageCall) -> Response:
        """Delete the objects in the body that the caller may delete, and return them."""
        keys = (await call.read_json()).get("prefixes")
        if not isinstance(keys, list) or not 0 < len(keys) <= _MAX_LISTED:
            raise invalid_parameter(f"body/prefixes must be array of 1 to {_MAX_LISTED} items")
        rows = await self._delete(call, [check_object_name(each) for each in keys])
        return JSONResponse([_show(row) for row in rows])

    async def sign(self, call: StorageCall) -> Response:
        """Return a signed URL of an object that the caller may read."""
        body = await call.read_json()
        url = self._signer.sign(call.bucket, call.key, body.get("expiresIn"))
        async with call.begin() as connection:
            await _find(connection, call)
        return JSONResponse({"signedURL": url})

    async def sign_many(self, call: StorageCall) -> Response:
        """Return signed URLs of those objects that the caller may read."""
        body = await call.read_json()
        paths = body.get("paths")
        if not isinstance(paths, list) or not 0 < len(paths) <= _MAX_LISTED:
            raise invalid_parameter(f"body/paths must be array of 1 to {_MAX_LISTED} items")
        urls = {
            path: self._signer.sign(call.bucket, path, body.get("expiresIn"))
            for path in map(check_object_name, paths)
        }
        async with call.begin() as connection:
            rows = await connection.fetch(
                "select name from storage.objects where bucket_id = $1 and name = any ($2)",
                call.bucket,
                list(urls),
            )
        found = {row["name"] for row in rows}
        missing = "Either the object does not exist or you do not have access to it"
        return JSONResponse(
            [
                {"path": path, "signedURL": url, "error": None}
                if path in found
                else {"path": path, "signedURL": None, "error": missing}
                for path, url in urls.items()
            ]
        )

    async def _delete(self, call: StorageCall, keys: list[str]) -> list[Row]:
        async with call.begin() as connection:
            rows = await connection.fetch(
                "delete from storage.objects where bucket_id = $1 and name = any ($2) returning *",
                call.bucket,
                keys,
            )
        self._contents.delete([row["version"] for row in rows])
        return rows

    def _send(self, call: StorageCall, row: Row) -> Response:
        """Return a content, or a part of it, as the request asks."""
        path = self._contents.get_path(row["version"])
        if not path.is_file():
            raise object_not_found()
        metadata = json.loads(row["metadata"] or "{}")
        download = call.request.query_params.get("download")
        return FileResponse(
            path,
            media_type=_clean(metadata.get("mimetype")) or "application/octet-stream",
            headers={
                **_SAFE,
                "ETag": _clean(metadata.get("eTag")),
                "Cache-Control": _clean(metadata.get("cacheControl")) or "no-cache",
            },
            filename=None if download is None else download or row["name"].rpartition("/")[2],
        )


def _clean(value: Any) -> str:
    """Return what of a client's text a header can hold."""
    return "".join(each for each in str(value or "") if each.isascii() and each.isprintable())


async def _is_bucket_public(call: StorageCall) -> bool:
    is_public = await call.database.admin.fetchval(
        "select coalesce(public, false) from storage.buckets where id = $1", call.bucket
    )
    if is_public is None:
        raise bucket_not_found()
    return bool(is_public)


async def _find(source: _ConnectionOrPool, call: StorageCall) -> Row:
    row: Row | None = await source.fetchrow(
        "select * from storage.objects where bucket_id = $1 and name = $2",
        call.bucket,
        call.key,
    )
    if row is None:
        raise object_not_found()
    return row


def _show(row: Row) -> dict[str, Any]:
    """Return a row of a list or of an object; a folder has nothing but a name."""
    shown = {name: value for name, value in row.items() if name in _SHOWN}
    for name in _TIMES:
        shown[name] = row[name] and row[name].isoformat()
    shown["metadata"] = row["metadata"] and json.loads(row["metadata"])
    return {**shown, "id": row["id"] and str(row["id"])}


def _read_number(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_NUMBER:
        raise invalid_parameter(f"body/{name} must be integer")
    return value
