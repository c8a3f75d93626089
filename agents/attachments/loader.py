"""The contents of a task's files: fetched, checked, and given to the request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from agents.attachments.data_urls import read_data_url
from agents.attachments.media_types import ContentInvalid, check_content, find_media_type
from agents.attachments.params import MAX_ATTACHMENTS, STORAGE, AttachmentList, AttachmentParam
from agents.fetching import AllowList, Fetcher, FetchFailed, FetchLimits, FetchRefused
from protocol.errors import NotFound, StoreUnavailable, TooLarge
from protocol.json_values import explain_first_mistake
from providers.chat import Attachment

_MIB: Final = 1024 * 1024
_MAX_SHOWN: Final = 200
_OWNER: Final = "the owner of the task may read, by the policies of storage.objects"
_ANYONE: Final = (
    "anyone may read, and the task has no owner: submit it as a user who may read the object"
)
_LIST: Final = TypeAdapter[list[AttachmentParam]](AttachmentList)


class AttachmentInvalid(Exception):
    """A file cannot be used. Another attempt would not help; the message says what would."""


class AttachmentUnavailable(Exception):
    """A file could not be read now. It may later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """How large the files of one request may be."""

    each_bytes: int = 10 * _MIB
    total_bytes: int = 25 * _MIB
    seconds: float = 60.0
    """To fetch one of them."""


@dataclass(frozen=True, slots=True)
class LoadedFiles:
    """The files of a request."""

    prompt: tuple[Attachment, ...] = ()
    turns: Mapping[int, tuple[Attachment, ...]] | None = None
    """By number of the turn in `messages`."""

    def get_turn(self, number: int) -> tuple[Attachment, ...]:
        """Return the files of a turn."""
        return (self.turns or {}).get(number, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAccess:
    """What files are fetched with, and how large they may be."""

    fetcher: Fetcher = field(default_factory=lambda: Fetcher(AllowList()))
    limits: FileLimits = FileLimits()


class ObjectSource(Protocol):
    """Supabase Storage, as far as files are read from it."""

    async def may_read_object(self, *, owner: UUID | None, bucket: str, path: str) -> bool:
        """Return whether an owner (None: anyone) could read an object."""

    async def fetch_object(self, *, bucket: str, path: str, most: int) -> bytes:
        """Return the content of an object. Raises NotFound, TooLarge, StoreUnavailable."""


class AttachmentLoader:
    """Loads the files that the params of a subtask name, with the rights of its owner."""

    def __init__(self, access: FileAccess, objects: ObjectSource) -> None:
        self._fetcher = access.fetcher
        self._objects = objects
        self._limits = access.limits

    async def load(self, params: Mapping[str, Any], *, owner: UUID | None) -> LoadedFiles:
        """Return all files of a request. Raises AttachmentInvalid or AttachmentUnavailable."""
        given = list(_list_places(params))
        if not given:
            return LoadedFiles()
        if sum(len(files) for _, _, files in given) > MAX_ATTACHMENTS:
            raise AttachmentInvalid(f"there are more than {MAX_ATTACHMENTS} attachments")
        loaded: dict[int | None, tuple[Attachment, ...]] = {}
        room = self._limits.total_bytes
        for number, place, files in given:
            found = []
            for position, each in enumerate(files):
                where = f"{place}.{position}{f' ({each.label})' if each.label else ''}"
                media_type, content = await self._load_one(each, where, owner, room)
                room -= len(content)
                found.append(Attachment(media_type=media_type, data=content, name=each.label))
            loaded[number] = tuple(found)
        turns = {number: files for number, files in loaded.items() if number is not None}
        return LoadedFiles(loaded.get(None, ()), turns)

    async def _load_one(
        self, file: AttachmentParam, where: str, owner: UUID | None, room: int
    ) -> tuple[str, bytes]:
        """Return the exact type and the content of a file."""
        most = min(self._limits.each_bytes, room)
        try:
            declared, content = await self._read(file, owner, most)
            _check_size(content, most)
            media_type = find_media_type(content, file.media_type, declared=declared)
            # A head of a million parts takes a second to read.
            await asyncio.to_thread(check_content, content, media_type)
        except (ContentInvalid, FetchRefused) as error:
            raise AttachmentInvalid(f"{where}: {error}") from error
        except TooLarge as error:
            raise AttachmentInvalid(
                f"{where}: {error.message}; a file may have {self._limits.each_bytes:,} bytes, all "
                f"together {self._limits.total_bytes:,}"
            ) from error
        except (FetchFailed, StoreUnavailable) as error:
            raise AttachmentUnavailable(f"{where}: {error}") from error
        return media_type, content

    async def _read(
        self, file: AttachmentParam, owner: UUID | None, most: int
    ) -> tuple[str | None, bytes]:
        """Return the type by the source of a file, if it says one, and the content."""
        if file.is_data:
            return read_data_url(file.url)
        if file.url.startswith(STORAGE):
            bucket, path = file.split_storage_path()
            missing = ContentInvalid(
                f"there is no object {path[:_MAX_SHOWN]!r} in the bucket {bucket!r} that "
                f"{_ANYONE if owner is None else _OWNER}"
            )
            if not await self._objects.may_read_object(owner=owner, bucket=bucket, path=path):
                raise missing
            try:
                content = await self._objects.fetch_object(bucket=bucket, path=path, most=most)
            except NotFound as error:
                raise missing from error
            return None, content
        limits = FetchLimits(content_bytes=most, seconds=self._limits.seconds)
        fetched = await self._fetcher.fetch(file.url, limits=limits)
        return fetched.media_type, fetched.content


def _check_size(content: bytes, most: int) -> None:
    if len(content) > most:
        raise TooLarge(f"it has {len(content):,} bytes")


def _list_places(
    params: Mapping[str, Any],
) -> list[tuple[int | None, str, list[AttachmentParam]]]:
    """Return the number of the turn (None: the prompt), the name of the place, and the files."""
    turns = params.get("messages")
    found: list[tuple[int | None, str, list[AttachmentParam]]] = []
    for number, turn in enumerate(turns if isinstance(turns, list) else ()):
        if isinstance(turn, Mapping) and turn.get("attachments"):
            place = f"messages.{number}.attachments"
            found.append((number, place, _parse(turn["attachments"], place)))
    if params.get("attachments"):
        found.append((None, "attachments", _parse(params["attachments"], "attachments")))
    return found


def _parse(value: Any, place: str) -> list[AttachmentParam]:
    try:
        return _LIST.validate_python(value)
    except ValidationError as error:
        raise AttachmentInvalid(explain_first_mistake(error, place)) from error
