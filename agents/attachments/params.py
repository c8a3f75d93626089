"""What a task says of its files, checked before anything is spent."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Self, TypeAlias
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from agents.attachments.data_urls import read_data_url
from agents.attachments.media_types import (
    ACCEPTED,
    ANY_FILE,
    ANY_IMAGE,
    ContentInvalid,
    FileKind,
    check_content,
    find_media_type,
    guess_media_type,
    guess_refused_type,
    list_possible_kinds,
    normalize_media_type,
)

MAX_ATTACHMENTS: Final = 20
STORAGE: Final = "storage:"
_MAX_URL: Final = 16_000_000
_MAX_SHOWN: Final = 100
_EXAMPLE: Final = (
    "an attachment's url is https://..., data:image/png;base64,... or storage:BUCKET/PATH"
)
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"
_BUCKET: Final = re.compile(r"[^/\x00-\x1f\x7f]{1,100}")
_KIND_CHARACTERS: Final[Mapping[FileKind, int]] = {"image": 6_000, "pdf": 80_000, "text": 10_000}
"""About how many characters of a prompt a file is worth, if its length says nothing."""


class AttachmentParam(BaseModel):
    """A file that comes with a prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=_MAX_URL)
    """`https://...`, `data:...`, or `storage:BUCKET/PATH` of Supabase Storage."""
    name: str | None = Field(default=None, min_length=1, max_length=200, pattern=_PRINTABLE)
    """For the model; else that of the URL."""
    type: str | None = Field(default=None, max_length=100)
    """The media type, such as `image/png`, or `image/*`; else that of the URL, by its ending."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        scheme = self.url.partition(":")[0]
        if scheme == "storage":
            self.split_storage_path()
        elif scheme.lower() not in {"https", "http", "data"}:
            raise ValueError(f"{self.url[:_MAX_SHOWN]!r} cannot be read: {_EXAMPLE}")
        media_type = self.media_type
        if not list_possible_kinds(media_type):
            raise ValueError(f"{media_type[:_MAX_SHOWN]!r} is not accepted; what is: {ACCEPTED}")
        if self.is_data:
            declared, content = read_data_url(self.url)
            is_exact = self.type is not None and media_type not in {ANY_IMAGE, ANY_FILE}
            if is_exact and normalize_media_type(declared) != media_type:
                raise ValueError(f"its type is {media_type}, but its URL says {declared}")
            try:
                check_content(content, find_media_type(content, media_type))
            except ContentInvalid as error:
                raise ValueError(str(error)) from error
        return self

    @property
    def is_data(self) -> bool:
        """Whether the URL holds the content."""
        return self.url[:5].lower() == "data:"

    @property
    def media_type(self) -> str:
        """The type that is declared, or that the URL declares; `*/*` if none is known."""
        if self.type is not None:
            return normalize_media_type(self.type)
        if self.is_data:
            return normalize_media_type(read_data_url(self.url)[0])
        by_ending = guess_media_type(self.name or "") or guess_media_type(self._path)
        return by_ending or guess_refused_type(self._path) or ANY_FILE

    @property
    def kinds(self) -> frozenset[FileKind]:
        """The kinds of content that it may have, which a model must be able to read."""
        return list_possible_kinds(self.media_type)

    @property
    def label(self) -> str | None:
        """The name for the model, if there is one."""
        if self.name is not None:
            return self.name
        return None if self.is_data else self._path.rpartition("/")[2][:200] or None

    def split_storage_path(self) -> tuple[str, str]:
        """Return bucket and path of an object of Storage. Raises ValueError."""
        bucket, slash, path = self.url[len(STORAGE) :].partition("/")
        is_path = slash and path.isprintable() and not {"", ".", ".."} & {*path.split("/"), bucket}
        if not is_path or _BUCKET.fullmatch(bucket) is None:
            raise ValueError(f"{self.url[:_MAX_SHOWN]!r} must be storage:BUCKET/PATH")
        return bucket, path

    @property
    def _path(self) -> str:
        if self.url.startswith(STORAGE):
            return self.url[len(STORAGE) :]
        try:
            return unquote(urlsplit(self.url).path)
        except ValueError as error:
            raise ValueError(f"{self.url[:_MAX_SHOWN]!r} is no URL: {error}") from error


def _read_entry(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


AttachmentList: TypeAlias = Annotated[
    list[Annotated[AttachmentParam, BeforeValidator(_read_entry)]],
    Field(max_length=MAX_ATTACHMENTS),
]
"""Objects with `url`, `name` and `type`, or URLs."""


def list_file_kinds(params: Mapping[str, Any]) -> set[FileKind]:
    """Return the kinds of the files in params; wrong ones are left out."""
    return {kind for each in _iter_files(params) for kind in each.kinds}


def count_file_characters(params: Mapping[str, Any]) -> int:
    """Return about how many characters of a prompt the files in params are worth."""
    return sum(
        len(each.url)
        if each.kinds == {"text"} and each.is_data
        else max(_KIND_CHARACTERS[kind] for kind in each.kinds)
        for each in _iter_files(params)
    )


def _iter_files(params: Mapping[str, Any]) -> Iterator[AttachmentParam]:
    turns = params.get("messages")
    places = [params, *(turns if isinstance(turns, list) else ())]
    for place in places:
        listed = place.get("attachments") if isinstance(place, Mapping) else None
        for entry in listed if isinstance(listed, list) else ():
            try:
                yield AttachmentParam.model_validate(_read_entry(entry))
            except ValidationError:
                continue
