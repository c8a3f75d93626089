"""Requests for OpenAI's Responses API, which nothing is stored for."""

from collections.abc import Iterator
from typing import Any, Final

from providers.adapters.attachments import (
    PDF,
    build_data_url,
    build_text,
    list_files,
    refuse_attachment,
)
from providers.adapters.openai.dialect import find_nearest_effort
from providers.adapters.openai.request import build_function, build_named_schema, choose_tools
from providers.catalogue.schema import RequestDialect
from providers.chat import Attachment, ChatRequest, Message, NamedTool
from providers.schemas import move_schema_to_prompt

MAX_SEARCHES: Final = 5
"""Searches in one answer."""
_LEAST_OUTPUT: Final = 16
_REASONING: Final = "reasoning.encrypted_content"


def build_responses_body(
    request: ChatRequest, dialect: RequestDialect, *, vendor: str, with_summary: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body, and notes for the user.

    `with_summary` asks for a summary of the reasoning, which unverified accounts are refused.
    """
    notes: list[str] = []
    if "user" in request.metadata:
        notes.append("metadata.user was not sent")
    if request.stop:
        notes.append("stop was not sent: unknown to this API")
    body: dict[str, Any] = {"model": request.model, "stream": request.stream, "store": False}
    if schema := request.response_schema:
        if schema.get("type") == "object":
            named = build_named_schema(schema, is_strict=dialect.strict_schemas)
            body["text"] = {"format": {"type": "json_schema", "strict": False, **named}}
        else:
            request = move_schema_to_prompt(request)
            notes.append("the schema was added to the instructions: this API only takes objects")
    if request.system is not None:
        body["instructions"] = request.system
    body["input"] = [
        item for message in request.messages for item in _iter_items(message, vendor, request.model)
    ]
    body |= _build_tools(request, dialect, notes)
    if request.max_output_tokens is not None:
        body["max_output_tokens"] = max(request.max_output_tokens, _LEAST_OUTPUT)
        if request.max_output_tokens < _LEAST_OUTPUT:
            notes.append(f"max_output_tokens was raised to {_LEAST_OUTPUT}, this API's minimum")
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    body |= _build_reasoning(request, dialect, notes, with_summary=with_summary)
    return body, tuple(notes)


def _build_reasoning(
    request: ChatRequest, dialect: RequestDialect, notes: list[str], *, with_summary: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if request.may_reason and request.tools:
        body["include"] = [_REASONING]
    effort = request.reasoning_effort
    if effort is not None:
        sent = find_nearest_effort(effort, dialect.efforts) if dialect.efforts else effort
        if sent != effort:
            notes.append(f"reasoning_effort {effort} was sent as {sent}")
        body["reasoning"] = {"effort": sent}
        if with_summary and sent != "none":
            body["reasoning"]["summary"] = "auto"
    return body


def _build_tools(request: ChatRequest, dialect: RequestDialect, notes: list[str]) -> dict[str, Any]:
    tools, choice = choose_tools(request, takes_names=dialect.takes_tool_choice)
    body: dict[str, Any] = {}
    offered: list[dict[str, Any]] = [
        {
            "type": "function",
            "strict": False,
            **build_function(tool, is_strict=dialect.strict_schemas, notes=notes),
        }
        for tool in tools
    ]
    if request.web_search:
        offered.append({"type": "web_search"})
        body["max_tool_calls"] = MAX_SEARCHES
    if offered:
        body["tools"] = offered
    if not request.tools:
        return body
    if isinstance(choice, NamedTool):
        body["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice != "auto":
        body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    return body


def _iter_items(message: Message, vendor: str, model: str) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        output = _build_content(message, build_text(message), vendor)
        call_id = message.tool_call_id
        yield {"type": "function_call_output", "call_id": call_id, "output": output}
        return
    if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
        used = [block["call_id"] for block in message.replay.blocks if "call_id" in block]
        if used == [call.id for call in message.tool_calls]:
            yield from map(dict, message.replay.blocks)
            return
    text = build_text(message)
    if text or not message.tool_calls:
        yield {"role": message.role, "content": _build_content(message, text, vendor)}
    for call in message.tool_calls:
        yield {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }


def _build_content(message: Message, text: str, vendor: str) -> str | list[dict[str, Any]]:
    files = list_files(message)
    if not files:
        return text
    parts = [{"type": "input_text", "text": text}] if text else []
    return [*parts, *(_build_part(each, vendor) for each in files)]


def _build_part(attachment: Attachment, vendor: str) -> dict[str, Any]:
    if attachment.is_image:
        url = build_data_url(attachment)
        return {"type": "input_image", "image_url": url, "detail": "auto"}
    if attachment.media_type != PDF:
        raise refuse_attachment(vendor, attachment, takes="images, PDF files and text")
    if attachment.url is not None:
        return {"type": "input_file", "file_url": attachment.url}
    name = attachment.name or "file.pdf"
    return {"type": "input_file", "filename": name, "file_data": build_data_url(attachment)}
