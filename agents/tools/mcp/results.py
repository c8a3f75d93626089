"""What a tool of a server gave, as a `ToolOutput`."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Final

from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import JsonValue
from pydantic_core import to_json

from agents.attachments.media_types import get_file_kind, normalize_media_type
from agents.tools.mcp.listing import clean_text
from agents.tools.toolbox import ToolOutput
from agents.tools.worker import MAX_RESULT_BYTES
from protocol.json_values import find_json_problem, make_storable
from providers.chat import Attachment
from providers.secrets import Redactor

MAX_IMAGES: Final = 10
MAX_IMAGE_BYTES: Final = 5 * 1024 * 1024
MAX_TEXT: Final = MAX_RESULT_BYTES // 4
"""Characters."""
CUT: Final = "\n[cut: the tool gave {size} characters]"


def read_result(result: CallToolResult, redactor: Redactor) -> ToolOutput:
    """Return the text, the data and the images of a result, without secrets and not too large."""
    texts: list[str] = []
    images: list[Attachment] = []
    for block in result.content:
        image = _read_image(block) if len(images) < MAX_IMAGES else None
        if image is not None:
            images.append(image)
        else:
            texts.append(_describe_block(block))
    data = result.structured_content
    content: JsonValue = _join(texts)
    if data is not None:
        # By the protocol, servers repeat data as text for clients that cannot read it.
        others = [each for each in texts if not _is_same(each, data)]
        content = {"data": data, "text": _join(others)} if others else data
    return ToolOutput(
        content=_fit(content, redactor),
        attachments=tuple(images),
        is_error=result.is_error,
    )


def _read_image(block: ContentBlock) -> Attachment | None:
    """Return an image that models can see, or None."""
    if isinstance(block, ImageContent):
        media_type, text, name = block.mime_type, block.data, None
    elif isinstance(block, EmbeddedResource) and not isinstance(
        block.resource, TextResourceContents
    ):
        media_type, text = block.resource.mime_type or "", block.resource.blob
        name = clean_text(str(block.resource.uri), 200)
    else:
        return None
    media_type = normalize_media_type(media_type)
    if get_file_kind(media_type) != "image" or len(text) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Attachment(media_type=media_type, data=data, name=name)


def _describe_block(block: ContentBlock) -> str:
    """Return a part as text; what is no text is named."""
    match block:
        case TextContent():
            return block.text
        case EmbeddedResource():
            resource = block.resource
            if isinstance(resource, TextResourceContents):
                return resource.text
            kind = resource.mime_type or "a file"
            return _describe_left_out(kind, resource.blob, str(resource.uri))
        case ResourceLink():
            about = ": ".join(each for each in (block.name, block.description) if each)
            return f"{clean_text(str(block.uri), 2_000)} ({clean_text(about, 500)})"
        case ImageContent() | AudioContent():
            return _describe_left_out(block.mime_type, block.data)


def _describe_left_out(kind: str, data: str, name: str = "") -> str:
    what = " ".join(each for each in (clean_text(name, 200), clean_text(kind, 100)) if each)
    return f"[left out: {what}, {len(data) * 3 // 4} bytes]"


def _join(texts: Sequence[str]) -> str:
    return "\n".join(texts)


def _is_same(text: str, data: JsonValue) -> bool:
    """Return whether a text says nothing but the data, or one of its values."""
    known = [data, *(data.values() if isinstance(data, dict) else ())]
    if text in known:
        return True
    try:
        return len(text) <= MAX_RESULT_BYTES and json.loads(text) in known
    except (ValueError, RecursionError):
        return False


def _fit(content: JsonValue, redactor: Redactor) -> JsonValue:
    """Return content that can be stored, without secrets; what is too large is cut, as text."""
    if not isinstance(content, str):
        stored = make_storable(content) if find_json_problem(content) is None else None
        if stored is not None and len(to_json(stored)) <= MAX_RESULT_BYTES:
            shown: JsonValue = redactor.redact_json(stored)
            return shown
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    # Redacted before the cut, which may be in the middle of a secret, but not all of a long text.
    clear = redactor.redact(str(make_storable(text[: 2 * MAX_TEXT])))
    return clear if len(clear) <= MAX_TEXT else clear[:MAX_TEXT] + CUT.format(size=len(text))
