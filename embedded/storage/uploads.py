"""The handler of uploads, and what a request says of its file."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from embedded.storage.contents import ContentFolder
from embedded.storage.endpoint import MAX_JSON, StorageCall, read_object_content
from embedded.storage.errors import (
    StorageError,
    bucket_not_found,
    invalid_parameter,
    too_large,
)

MAX_BYTES: Final = 50 * 1024 * 1024
"""Of an object: the limit of a free project."""
_MULTIPART: Final = "multipart/form-data"
_INSERT: Final = """
insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_REPLACE: Final = """
on conflict (bucket_id, name) do update
  set owner = excluded.owner, owner_id = excluded.owner_id, version = excluded.version,
      metadata = excluded.metadata, user_metadata = excluded.user_metadata
"""


@dataclass(frozen=True, slots=True)
class _Upload:
    content: bytes
    media_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None


class Uploads:
    """The handlers."""

    def __init__(self, contents: ContentFolder) -> None:
        self._contents = contents

    async def create(self, call: StorageCall) -> Response:
        """Create an object; with `x-upsert: true` replace one of the same name."""
        is_upsert = call.request.headers.get("x-upsert", "").lower() == "true"
        return await self._store(call, is_upsert=is_upsert)

    async def update(self, call: StorageCall) -> Response:
        """Replace an object, or create it."""
        return await self._store(call, is_upsert=True)

    async def _store(self, call: StorageCall, *, is_upsert: bool) -> Response:
        bucket, key = call.bucket, call.key
        limits = await call.database.admin.fetchrow(
            "select file_size_limit, allowed_mime_types from storage.buckets where id = $1", bucket
        )
        if limits is None:
            raise bucket_not_found()
        most = min(MAX_BYTES, limits["file_size_limit"] or MAX_BYTES)
        upload = await _read_upload(call.request, most)
        _check_type(upload.media_type, limits["allowed_mime_types"])
        version = uuid4()
        await self._contents.write(str(version), upload.content)
        try:
            found, before = await self._write_row(call, key, upload, version, is_upsert=is_upsert)
        except asyncpg.PostgresError:
            self._contents.delete([str(version)])
            raise
        self._contents.delete(before)
        return JSONResponse({"Id": str(found), "Key": f"{bucket}/{key}"})

    async def _write_row(
        self, call: StorageCall, key: str, upload: _Upload, version: UUID, *, is_upsert: bool
    ) -> tuple[UUID, list[str]]:
        """Return the id of the object, and the version that it had before."""
        before: list[asyncpg.Record] = []
        metadata = json.dumps(_build_metadata(upload))
        custom = None if upload.user_metadata is None else json.dumps(upload.user_metadata)
        async with call.begin() as connection:
            if is_upsert:
                # Two at once would otherwise both replace, and delete, the same version.
                await connection.execute(
                    "select pg_advisory_xact_lock(hashtextextended($1, 0))", f"{call.bucket}/{key}"
                )
                before = await connection.fetch(
                    "select version from storage.objects where bucket_id = $1 and name = $2",
                    call.bucket, key,
                )  # fmt: skip
            found = await connection.fetchval(
                f"{_INSERT}{_REPLACE if is_upsert else ''} returning id",
                call.bucket, key, *call.owner, str(version), metadata, custom,
            )  # fmt: skip
        return found, [row["version"] for row in before]


async def _read_upload(request: Request, most: int) -> _Upload:
    media_type = request.headers.get("content-type") or "application/octet-stream"
    if media_type.lower().startswith(_MULTIPART):
        return await _read_form(request, most)
    try:
        content = await read_object_content(request, most)
    except StorageError as error:
        raise too_large() from error
    custom = request.headers.get("x-metadata")
    try:
        custom = base64.b64decode(custom).decode() if custom else None
    except ValueError as error:
        raise invalid_parameter("x-metadata must be base64") from error
    cache_control = request.headers.get("cache-control", "no-cache")
    return _Upload(content, media_type, cache_control, _read_metadata(custom))


async def _read_form(request: Request, most: int) -> _Upload:
    """Return the file and the fields of a form, reading no more than they may have."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > most + MAX_JSON:
            raise too_large()
        return message

    limited = Request(request.scope, receive)
    try:
        async with limited.form(max_files=1, max_fields=10, max_part_size=MAX_JSON) as form:
            files = [each for each in form.values() if isinstance(each, UploadFile)]
            if not files:
                raise StorageError(400, "no_file_provided", "No file provided", "InvalidRequest")
            content = await files[0].read()
            seconds, custom = form.get("cacheControl"), form.get("metadata")
    except HTTPException as error:
        raise invalid_parameter(error.detail) from error
    if len(content) > most:
        raise too_large()
    cache_control = f"max-age={seconds}" if str(seconds).isdecimal() else "no-cache"
    media_type = files[0].content_type or "application/octet-stream"
    return _Upload(content, media_type, cache_control, _read_metadata(custom))


def _read_metadata(text: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError) as error:
        raise invalid_parameter("metadata must be JSON") from error
    return found if isinstance(found, dict) else None


def _build_metadata(upload: _Upload) -> dict[str, Any]:
    size = len(upload.content)
    return {
        "eTag": f'"{hashlib.md5(upload.content, usedforsecurity=False).hexdigest()}"',
        "size": size,
        "mimetype": upload.media_type,
        "cacheControl": upload.cache_control,
        "lastModified": datetime.now(UTC).isoformat(),  # noqa: TID251 - as the clients see it
        "contentLength": size,
        "httpStatusCode": 200,
    }


def _check_type(media_type: str, allowed: list[str] | None) -> None:
    """Raise StorageError unless a bucket takes a type; `image/*` stands for all images."""
    plain = media_type.partition(";")[0].strip().lower()
    accepted = {plain, f"{plain.partition('/')[0]}/*", "*/*"}
    if allowed and not accepted & {each.lower() for each in allowed}:
        message = f"mime type {plain} is not supported"
        raise StorageError(415, "invalid_mime_type", message, "InvalidMimeType")
