"""Requests for Gemini's `generateContent`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.adapters.payload import parse_object
from providers.chat import ChatRequest, Message

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
    body: dict[str, Any] = {"contents": list(_iter_contents(request))}
    if request.system is not None:
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    if request.tools:
        declarations = [
            {
                "name": tool.name,
                "description": tool.description,
                "parametersJsonSchema": dict(tool.parameters),
            }
            for tool in request.tools
        ]
        body["tools"] = [{"functionDeclarations": declarations}]
    if generation := _build_config(request, notes):
        body["generationConfig"] = generation
    return body, tuple(notes)


def _build_config(request: ChatRequest, notes: list[str]) -> dict[str, Any]:
    numbers = {
        "temperature": request.temperature,
        "topP": request.top_p,
        "maxOutputTokens": request.max_output_tokens,
    }
    config: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.response_schema is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = dict(request.response_schema)
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
    parts: list[dict[str, Any]] = []
    if message.content or not message.tool_calls:
        parts.append({"text": message.content})
    for place, call in enumerate(message.tool_calls):
        part: dict[str, Any] = {
            "functionCall": {"id": call.id, "name": call.name, "args": parse_object(call.arguments)}
        }
        if place == 0:
            part["thoughtSignature"] = _UNSIGNED
        parts.append(part)
    return parts


def _build_result(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    call_id = message.tool_call_id or ""
    response = parse_object(message.content) or {"result": message.content}
    known = {"id": call_id, "name": names.get(call_id, call_id), "response": response}
    return {"functionResponse": known}
