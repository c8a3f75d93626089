"""Requests for Gemini's `generateContent`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.adapters.attachments import (
    PDF,
    build_text,
    encode_data,
    list_files,
    refuse_attachment,
)
from providers.adapters.payload import parse_object
from providers.chat import Attachment, ChatRequest, Message, NamedTool
from providers.schemas import (
    GEMINI_SUBSET,
    ReducedSchema,
    move_schema_to_prompt,
    reduce_schema,
)

VENDOR: Final = "gemini"
_UNSIGNED: Final = "skip_thought_signature_validator"
"""Google's documented value for calls that another model made."""
_LEVELS: Final[Mapping[str, str]] = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def build_gemini_body(request: ChatRequest) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body, and notes for the user."""
    notes: list[str] = []
    if "user" in request.metadata:
        notes.append("metadata.user was not sent")
    body: dict[str, Any] = {}
    schema = None
    if request.response_schema is not None:
        schema = reduce_schema(request.response_schema, GEMINI_SUBSET)
        if schema is None:
            request = move_schema_to_prompt(request)
            notes.append("the schema was added to the instructions: this API cannot enforce it")
        elif schema.dropped:
            notes.append(f"this API does not enforce {', '.join(schema.dropped)} in schemas")
    body["contents"] = list(_iter_contents(request))
    if request.system is not None:
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    body |= _build_tools(request, notes)
    if generation := _build_config(request, schema, notes):
        body["generationConfig"] = generation
    return body, tuple(notes)


def _build_tools(request: ChatRequest, notes: list[str]) -> dict[str, Any]:
    tools: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    if request.tools:
        declarations = [
            {
                "name": tool.name,
                "description": tool.description,
                "parametersJsonSchema": dict(tool.parameters),
            }
            for tool in request.tools
        ]
        tools.append({"functionDeclarations": declarations})
        choice = request.tool_choice
        if isinstance(choice, NamedTool):
            calling = {"mode": "ANY", "allowedFunctionNames": [choice.name]}
            config["functionCallingConfig"] = calling
        elif choice != "auto":
            config["functionCallingConfig"] = {"mode": "ANY" if choice == "required" else "NONE"}
        elif any(tool.strict for tool in request.tools):
            config["functionCallingConfig"] = {"mode": "VALIDATED"}
    if request.web_search:
        tools.append({"googleSearch": {}})
        if request.tools:
            config["includeServerSideToolInvocations"] = True
    if request.parallel_tool_calls is False and request.tools:
        notes.append("parallel_tool_calls was not sent: unknown to this API")
    if not tools:
        return {}
    return {"tools": tools, "toolConfig": config} if config else {"tools": tools}


def _build_config(
    request: ChatRequest, schema: ReducedSchema | None, notes: list[str]
) -> dict[str, Any]:
    numbers = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "maxOutputTokens": request.max_output_tokens,
    }
    config: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = dict(schema.schema)
    if request.reasoning_effort is not None:
        level = _LEVELS[request.reasoning_effort]
        shown = request.reasoning_effort != "none"
        config["thinkingConfig"] = {"thinkingLevel": level, "includeThoughts": shown}
        if level != request.reasoning_effort:
            notes.append(f"reasoning_effort {request.reasoning_effort} was sent as {level}")
    return config


def _iter_contents(request: ChatRequest) -> Iterator[dict[str, Any]]:
    """Yield the turns; the results of parallel calls are parts of one turn."""
    names = {call.id: call.name for turn in request.messages for call in turn.tool_calls}
    results: list[dict[str, Any]] = []
    for message in request.messages:
        if message.role == "tool":
            results.append(_build_result(message, names))
            continue
        if results:
            yield {"role": "user", "parts": results}
            results = []
        role = "model" if message.role == "assistant" else "user"
        yield {"role": role, "parts": _build_parts(message, request.model)}
    if results:
        yield {"role": "user", "parts": results}


def _build_parts(message: Message, model: str) -> list[dict[str, Any]]:
    if message.replay is not None and message.replay.fits(vendor=VENDOR, model=model):
        return [dict(block) for block in message.replay.blocks]
    text = build_text(message)
    parts = [_build_file(each) for each in list_files(message)]
    if text or not (message.tool_calls or parts):
        parts.append({"text": text})
    for place, call in enumerate(message.tool_calls):
        part: dict[str, Any] = {
            "functionCall": {"id": call.id, "name": call.name, "args": parse_object(call.arguments)}
        }
        if place == 0:
            part["thoughtSignature"] = _UNSIGNED
        parts.append(part)
    return parts


def _build_result(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    call_id, text = message.tool_call_id or "", build_text(message)
    response = {"error": text} if message.is_error else parse_object(text) or {"result": text}
    result: dict[str, Any] = {"id": call_id, "name": names.get(call_id, call_id)}
    result["response"] = response
    if files := list_files(message):
        result["parts"] = [_build_file(each) for each in files]
    return {"functionResponse": result}


def _build_file(attachment: Attachment) -> dict[str, Any]:
    kind = attachment.media_type
    if not attachment.is_image and kind != PDF:
        raise refuse_attachment(VENDOR, attachment, takes="images, PDF files and text")
    if attachment.url is not None:
        return {"fileData": {"mimeType": kind, "fileUri": attachment.url}}
    return {"inlineData": {"mimeType": kind, "data": encode_data(attachment)}}
