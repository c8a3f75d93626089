"""Chat completions requests, and the reasoning that a tool loop sends back."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from providers.adapters.attachments import (
    PDF,
    build_data_url,
    build_text,
    list_files,
    refuse_attachment,
)
from providers.catalogue.schema import RequestDialect
from providers.chat import (
    Attachment,
    ChatRequest,
    Done,
    Event,
    FinishReason,
    JsonObject,
    Message,
    NamedTool,
    ReasoningDelta,
    ReasoningReplay,
    Tool,
    ToolChoice,
)
from providers.schemas import (
    complete_parameters,
    fits_grammar,
    make_strict,
    move_schema_to_prompt,
)

NOTE_IF_BROKEN: Final = "the connection broke after the answer was complete; usage may be missing"


def build_chat_body(
    request: ChatRequest, *, vendor: str, dialect: RequestDialect
) -> tuple[dict[str, Any], list[str]]:
    """Return the part of the body that all dialects share, and notes for the user.

    Send it as the `extra_body` of an SDK, which overrides the SDK's own fields: the SDK would check
    each message against every message type, which takes longer than the rest of a long call.
    """
    notes: list[str] = []
    body: dict[str, Any] = {"model": request.model, "stream": request.stream}
    schema = request.response_schema
    if schema is not None and dialect.schemas == "json_object":
        request = move_schema_to_prompt(request)
        if schema.get("type") == "object":
            body["response_format"] = {"type": "json_object"}
        notes.append("the schema was added to the instructions: the vendor only guarantees JSON")
    elif schema is not None and dialect.constrains_only and not fits_grammar(schema):
        request = move_schema_to_prompt(request)
        notes.append("the schema was added to the instructions: the server cannot enforce it")
    elif schema is not None:
        if dialect.constrains_only:
            request = move_schema_to_prompt(request)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": build_named_schema(schema, is_strict=dialect.strict_schemas),
        }
    body["messages"] = list(_iter_messages(request, vendor))
    if request.tools:
        body |= _build_tools(request, dialect, notes)
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    return body, notes


def build_named_schema(schema: JsonObject, *, is_strict: bool) -> dict[str, Any]:
    """Return a schema for the text, to be enforced if it lies in the strict subset."""
    strict = make_strict(schema) if is_strict else None
    if strict is not None:
        return {"name": "answer", "strict": True, "schema": dict(strict)}
    return {"name": "answer", "schema": dict(schema)}


def build_function(tool: Tool, *, is_strict: bool, notes: list[str]) -> dict[str, Any]:
    """Return the description of a tool; a note says if its schema cannot be enforced."""
    strict = make_strict(complete_parameters(tool.parameters)) if tool.strict else None
    function: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if strict is not None and is_strict:
        return {**function, "parameters": dict(strict), "strict": True}
    if tool.strict:
        notes.append(f"the schema of {tool.name} is not enforced: the vendor cannot")
    return {**function, "parameters": dict(complete_parameters(tool.parameters))}


def choose_tools(request: ChatRequest, *, takes_names: bool) -> tuple[tuple[Tool, ...], ToolChoice]:
    """Return the tools to offer and the choice; one tool alone stands for its name if need be."""
    choice = request.tool_choice
    if isinstance(choice, NamedTool) and not takes_names:
        only = tuple(tool for tool in request.tools if tool.name == choice.name)
        return only or request.tools, "required"
    return request.tools, choice


def _build_tools(request: ChatRequest, dialect: RequestDialect, notes: list[str]) -> dict[str, Any]:
    tools, choice = choose_tools(request, takes_names=dialect.takes_tool_choice)
    body: dict[str, Any] = {
        "tools": [
            {
                "type": "function",
                "function": build_function(tool, is_strict=dialect.strict_schemas, notes=notes),
            }
            for tool in tools
        ]
    }
    if isinstance(choice, NamedTool):
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice != "auto":
        body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls
    return body


def _iter_messages(request: ChatRequest, vendor: str) -> Iterator[dict[str, Any]]:
    """Yield the turns; files of tool results follow all results of their turn, as a user's."""
    if request.system is not None:
        yield {"role": "system", "content": request.system}
    files: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role != "tool" and files:
            yield {"role": "user", "content": files}
            files = []
        yield _build_message(message, vendor, request.model)
        if message.role == "tool" and (own := list_files(message)):
            files.append(
                {"type": "text", "text": f"Files of the result of {message.tool_call_id}:"}
            )
            files += [_build_part(each, vendor) for each in own]
    if files:
        yield {"role": "user", "content": files}


def _build_part(attachment: Attachment, vendor: str) -> dict[str, Any]:
    if attachment.is_image:
        return {"type": "image_url", "image_url": {"url": build_data_url(attachment)}}
    if attachment.media_type != PDF or attachment.data is None:
        raise refuse_attachment(vendor, attachment, takes="images, text, and PDF files by value")
    name = attachment.name or "file.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": build_data_url(attachment)}}


async def attach_replay(
    events: AsyncGenerator[Event, None], request: ChatRequest, *, vendor: str, field: str
) -> AsyncGenerator[Event, None]:
    """Yield the events; add the reasoning to a `Done` that waits for tool results.

    DeepSeek and others require it in `field` of the assistant's message in the next request.
    """
    reasoning: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, ReasoningDelta):
                reasoning.append(event.text)
            elif (
                isinstance(event, Done)
                and event.finish_reason is FinishReason.TOOL_CALLS
                and reasoning
            ):
                blocks = ({field: "".join(reasoning)},)
                replay = ReasoningReplay(vendor=vendor, model=request.model, blocks=blocks)
                yield replace(event, replay=replay)
                continue
            yield event


def _build_message(message: Message, vendor: str, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": build_text(message)}
    files = list_files(message)
    if files and message.role != "tool":
        text = [{"type": "text", "text": body["content"]}] if body["content"] else []
        body["content"] = [*text, *(_build_part(each, vendor) for each in files)]
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.replay is not None and message.replay.fits(vendor=vendor, model=model):
        for block in message.replay.blocks:
            body.update(block)
    return body
