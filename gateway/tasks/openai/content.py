"""The parts of messages: text, images and files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from gateway.problems import Problem

_DEFAULTS: Final[tuple[object, ...]] = ([], {}, "", 0, False, None)
_TEXTS: Final = frozenset({"text", "input_text", "output_text", "refusal"})
_IMAGES: Final = frozenset({"image_url", "input_image"})
_FILES: Final = frozenset({"file", "input_file"})
_AUDIO: Final = frozenset({"input_audio", "audio", "input_video", "video_url"})
_MAX_URL: Final = 1_000_000
"""Of the 1 MiB of params."""
_PDF: Final = "data:application/pdf;base64,"
_IS_PDF: Final = re.compile(r"data:application/(x-)?pdf[;,]|(?!data:)[^?#]*\.pdf(?:[?#]|$)", re.I)
IMAGE_TYPE: Final = "image/*"
"""The type, in `params.attachments`, of an image whose content says of which type."""


class ContentPart(BaseModel):
    """A part of a message, of either API."""

    model_config = ConfigDict(extra="allow")

    type: str
    text: str | None = None


@dataclass(slots=True)
class Content:
    """The content of a message."""

    text: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    """In the form of `params.attachments`."""


def read_content(
    content: str | Sequence[ContentPart] | None, path: str, *, with_files: bool
) -> Content:
    """Return the text and the files of a message. Raise Problem (400) for other parts."""
    if content is None or isinstance(content, str):
        return Content(content or "")
    found = Content()
    for number, part in enumerate(content):
        place = f"{path}.content.{number}"
        if part.type in _TEXTS:
            found.text += _read_text(part, place)
        elif part.type in _IMAGES | _FILES:
            if not with_files:
                raise refuse_parameter(
                    place, "images and files can only be sent in messages of the user and of tools"
                )
            found.attachments.append(_read_file(part, place))
        elif part.type in _AUDIO:
            raise refuse_parameter(place, "audio and video cannot be sent; send a transcript")
        else:
            raise refuse_parameter(
                place, f"{part.type[:50]!r} is no part that can be sent: text, images and files are"
            )
    return found


def refuse_parameter(
    parameter: str, why: str, *, code: str = "unsupported_parameter", hint: str | None = None
) -> Problem:
    """Build the refusal (400) of a parameter, to raise."""
    return Problem(400, code, why, hint=hint, extra={"param": parameter})


def refuse_parameters(
    body: BaseModel,
    refused: Mapping[str, str],
    *,
    known: Sequence[str],
    defaults: Sequence[object] = _DEFAULTS,
) -> None:
    """Refuse (400) parameters that are not supported, or not known at all.

    `refused` says what to do instead, `known` names others that are no fields of `body`. Those
    with one of `defaults` as value are accepted.
    """
    for name, value in (body.model_extra or {}).items():
        if name in known or value in defaults:
            continue
        if name in refused:
            raise refuse_parameter(name, f"{name} is not supported here", hint=refused[name])
        there = sorted({*type(body).model_fields, *known})
        near = get_close_matches(name, there, n=1)
        raise refuse_parameter(
            name[:100],
            f"{name[:100]!r} is no parameter of this API",
            code="unknown_parameter",
            hint=f"did you mean {near[0]}?" if near else "leave it out",
        )


def _read_text(part: ContentPart, place: str) -> str:
    refusal = (part.model_extra or {}).get("refusal")
    text = refusal if part.type == "refusal" and part.text is None else part.text
    if not isinstance(text, str):
        raise refuse_parameter(
            f"{place}.text", f"a part of type {part.type} needs a text", code="invalid_request"
        )
    return text


def _read_file(part: ContentPart, place: str) -> dict[str, Any]:
    given = dict(part.model_extra or {})
    nested = given.get("image_url" if part.type in _IMAGES else "file")
    if isinstance(nested, dict):
        given |= nested
    if given.get("file_id"):
        raise refuse_parameter(
            place, "files are not stored here; send a data URL or an https URL in place of file_id"
        )
    keys = ("url", "image_url") if part.type in _IMAGES else ("file_data", "file_url")
    url = next((given[key] for key in keys if isinstance(given.get(key), str)), "")
    if not url:
        raise refuse_parameter(place, f"it has no {' or '.join(keys)}", code="invalid_request")
    if len(url) > _MAX_URL:
        raise refuse_parameter(
            place,
            f"the file has {len(url):,} characters as a data URL, more than the {_MAX_URL:,} that "
            "a task can hold",
            code="too_large",
            hint="put it into Supabase Storage and send storage:BUCKET/PATH as its URL",
        )
    if part.type in _FILES and ":" not in url[:100]:
        url = _PDF + url  # some clients send the bare base64 of a PDF
    found: dict[str, Any] = {"url": url}
    if isinstance(name := given.get("filename"), str) and name:
        found["name"] = name[:200]
    if part.type in _IMAGES and _IS_PDF.match(url) is None:
        found["type"] = IMAGE_TYPE  # addresses of images often have no ending, or a wrong one
    return found
