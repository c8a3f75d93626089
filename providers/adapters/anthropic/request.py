"""Requests for Anthropic's messages, with breakpoints for its prompt cache."""

import json
from collections.abc import Iterator
from typing import Any, Final

from providers.adapters.attachments import (
    IMAGE_TYPES,
    PDF,
    build_text,
    encode_data,
    list_files,
    refuse_attachment,
)
from providers.adapters.payload import parse_object
from providers.catalogue.schema import DEFAULT_OUTPUT_TOKENS
from providers.chat import Attachment, ChatRequest, Effort, Message, NamedTool
from providers.schemas import ANTHROPIC_SUBSET, move_schema_to_prompt, reduce_schema

MAX_SEARCHES: Final = 5
"""Searches in one answer."""
_EFFORTS: Final[frozenset[Effort]] = frozenset({"low", "medium", "high", "xhigh", "max"})
_CHOICES: Final = {"auto": "auto", "none": "none", "required": "any"}
_CACHE: Final = {"type": "ephemeral"}
_SHORTEST_CACHED: Final = 4_096
"""Characters of tools and instructions from which a breakpoint pays: about 1,024 tokens, below
which most models store nothing."""
_MOST_STRICT_TOOLS: Final = 20


def build_anthropic_body(
    request: ChatRequest, vendor: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body, and notes for the user."""
    notes = [
        f"{name} was not sent: this API no longer accepts it"
        for name, value in (("temperature", request.temperature), ("top_p", request.top_p))
        if value is not None
    ]
    output: dict[str, Any] = {}
    if request.response_schema is not None:
        reduced = reduce_schema(request.response_schema, ANTHROPIC_SUBSET)
        if reduced is None or request.response_schema.get("type") != "object":
            request = move_schema_to_prompt(request)
            notes.append("the schema was added to the instructions: this API cannot enforce it")
        else:
            output["format"] = {"type": "json_schema", "schema": dict(reduced.schema)}
            if reduced.dropped:
                notes.append(f"this API does not enforce {', '.join(reduced.dropped)} in schemas")
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens or DEFAULT_OUTPUT_TOKENS["anthropic"],
        "messages": list(_iter_messages(request, vendor)),
    }
    if request.system is not None:
        body["system"] = request.system
    body |= _build_tools(request, notes)
    if thinking := _build_thinking(request, notes):
        body["thinking"] = thinking
    if request.reasoning_effort in _EFFORTS:
        output["effort"] = request.reasoning_effort
    if output:
        body["output_config"] = output
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if "user" in request.metadata:
        body["metadata"] = {"user_id": request.metadata["user"]}
    if request.tools:
        _mark_cached_prefixes(body)
    return body, tuple(notes)


def _build_thinking(request: ChatRequest, notes: list[str]) -> dict[str, Any]:
    effort = request.reasoning_effort
    if effort == "none":
        return {"type": "disabled"}
    # Without it, what the model says between its calls would come without its text.
    speaks_between = effort is None and request.always_reasons and request.tools
    if effort in _EFFORTS or speaks_between:
        return {"type": "adaptive", "display": "summarized"}
    if effort is not None:
        notes.append(f"reasoning_effort {effort} was not sent: unknown to this API")
    return {}


def _build_tools(request: ChatRequest, notes: list[str]) -> dict[str, Any]:
    tools: list[dict[str, Any]] = []
    strict = 0
    for tool in request.tools:
        schema, is_strict = {"type": "object", **tool.parameters}, False
        if tool.strict:
            reduced = reduce_schema(schema, ANTHROPIC_SUBSET)
            is_strict = reduced is not None and strict < _MOST_STRICT_TOOLS
            if reduced is None or not is_strict:
                notes.append(f"the schema of {tool.name} is not enforced: this API cannot")
            else:
                schema, strict = dict(reduced.schema), strict + 1
        each = {"name": tool.name, "description": tool.description, "input_schema": schema}
        tools.append({**each, "strict": True} if is_strict else each)
    if request.web_search:
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": MAX_SEARCHES}
        tools.append(search)
    if not tools:
        return {}
    body: dict[str, Any] = {"tools": tools}
    choice = request.tool_choice
    wanted: dict[str, Any] = (
        {"type": "tool", "name": choice.name}
        if isinstance(choice, NamedTool)
        else {"type": _CHOICES[choice]}
    )
    if request.parallel_tool_calls is False and choice != "none":
        wanted["disable_parallel_tool_use"] = True
    if request.tools and wanted != {"type": "auto"}:
        body["tool_choice"] = wanted
    return body


def _iter_messages(request: ChatRequest, vendor: str) -> Iterator[dict[str, Any]]:
    """Yield the turns; the results of parallel calls are blocks of one turn, as required."""
    results: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "tool":
            results.append(_build_result(message, vendor))
            continue
        if results:
            yield {"role": "user", "content": results}
            results = []
        yield {
            "role": message.role,
            "content": _build_content(message, vendor, request.model),
        }
    if results:
        yield {"role": "user", "content": results}


def _build_result(message: Message, vendor: str) -> dict[str, Any]:
    text = build_text(message)
    content: str | list[dict[str, Any]] = text
    if files := list_files(message):
        blocks = [{"type": "text", "text": text}] if text else []
        content = [*blocks, *(_build_file(each, vendor) for each in files)]
    result = {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}
    return {**result, "is_error": True} if message.is_error else result


def _build_content(message: Message, vendor: str, model: str) -> str | list[dict[str, Any]]:
    text = build_text(message)
    if not message.tool_calls:
        files = [_build_file(each, vendor) for each in list_files(message)]
        if not files:
            return text
        return [*files, {"type": "text", "text": text}] if text else files
    blocks: list[dict[str, Any]] = []
    if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
        blocks = [dict(block) for block in message.replay.blocks]
        used = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
        if used == [call.id for call in message.tool_calls]:
            return blocks  # reasoning is bound to what surrounds it
        blocks = [block for block in blocks if "thinking" in str(block.get("type"))]
    if text:
        blocks.append({"type": "text", "text": text})
    blocks += [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.name,
            "input": parse_object(call.arguments),
        }
        for call in message.tool_calls
    ]
    return blocks


def _build_file(attachment: Attachment, vendor: str) -> dict[str, Any]:
    kind = attachment.media_type
    if kind != PDF and not (kind in IMAGE_TYPES or (attachment.is_image and attachment.url)):
        raise refuse_attachment(
            vendor, attachment, takes="PNG, JPEG, WebP and GIF images, PDF files and text"
        )
    source: dict[str, Any] = (
        {"type": "base64", "media_type": kind, "data": encode_data(attachment)}
        if attachment.url is None
        else {"type": "url", "url": attachment.url}
    )
    return {"type": "document" if kind == PDF else "image", "source": source}


def _mark_cached_prefixes(body: dict[str, Any]) -> None:
    """Set breakpoints, at most 4: after the tools, the instructions, and the last two user turns.

    Writing to the cache costs a quarter more, and the next turn reads it at a fraction. Of the two
    turns, the earlier one is what the call before wrote.
    """
    tools, system = body["tools"], body.get("system", "")
    length = len(json.dumps(tools, ensure_ascii=False))
    total = length + len(system) + len(json.dumps(body["messages"], ensure_ascii=False))
    if total < _SHORTEST_CACHED:
        return
    if length >= _SHORTEST_CACHED:
        tools[-1] = {**tools[-1], "cache_control": _CACHE}
    if system and length + len(system) >= _SHORTEST_CACHED:
        body["system"] = [{"type": "text", "text": system, "cache_control": _CACHE}]
    turns = [turn for turn in body["messages"] if turn["role"] == "user"]
    for turn in turns[-2:]:
        content = turn["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else [*content]
        if blocks and blocks[-1].get("text") != "":
            blocks[-1] = {**blocks[-1], "cache_control": _CACHE}
            turn["content"] = blocks
