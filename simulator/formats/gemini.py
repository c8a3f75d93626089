"""The wire of Google's Gemini: POST /v1beta/models/{model}:streamGenerateContent?alt=sse."""

import base64
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from simulator.planned import Draft, is_reasoning_model, pieces_of, tokens_in
from simulator.request import OfferedTool, Question, Vendor
from simulator.formats.base import BadKeyError, Frame, RefusalError, Step, dump

TARGET: Final = "x-path-target"
"""The end of the path, MODEL:METHOD, as the endpoint passes it on."""
_STATUSES: Final[Mapping[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_MODELS: Final[Mapping[str, str]] = {
    "gemini-3.8-flash": "Gemini 3.8 Flash",
    "gemini-4-argon": "Gemini 4 Argon",
}


class _Wire(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class _Part(_Wire):
    text: str | None = None
    thought: bool = False
    function_call: dict[str, JsonValue] | None = None
    function_response: dict[str, JsonValue] | None = None
    thought_signature: str | None = None


class _Content(_Wire):
    role: str = "user"
    parts: list[_Part] = []

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text and not part.thought)


class _Declaration(_Wire):
    name: str
    parameters: JsonValue = None
    parameters_json_schema: JsonValue = None


class _Tool(_Wire):
    function_declarations: list[_Declaration] = []


class _Thinking(_Wire):
    include_thoughts: bool = False
    thinking_level: str | None = None
    thinking_budget: int | None = None


class _Generation(_Wire):
    max_output_tokens: int | None = Field(default=None, ge=1)
    response_json_schema: JsonValue = None
    response_schema: JsonValue = None
    thinking_config: _Thinking = _Thinking()


class _Request(_Wire):
    contents: list[_Content] = Field(min_length=1)
    system_instruction: _Content = _Content()
    tools: list[_Tool] = []
    generation_config: _Generation = _Generation()


class GeminiWire:
    """Contents in, a stream of whole responses out; the model is in the path."""

    vendor: Final = Vendor.GEMINI
    request_id_header: Final = "x-simulated-request-id"

    def read(self, body: bytes, headers: Mapping[str, str]) -> Question:
        """Read a request; model and method are in the path. Raises RefusalError."""
        try:
            request = _Request.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            message = f"Invalid JSON payload received. '{where}': {first['msg']}"
            raise RefusalError(400, message) from error
        _refuse_unsigned(request)
        model, _, method = headers[TARGET].rpartition(":")
        texts = [content.text for content in request.contents]
        last = max(
            (i for i, each in enumerate(request.contents) if each.role == "user" and texts[i]),
            default=-1,
        )
        rest = [text for i, text in enumerate(texts) if i != last]
        generation = request.generation_config
        thinking = generation.thinking_config
        asked = thinking.thinking_level is not None or (thinking.thinking_budget or 0) > 0
        return Question(
            vendor=self.vendor,
            model=model,
            prompt=texts[last] if last >= 0 else "",
            context="\n".join(filter(None, [request.system_instruction.text, *rest])),
            message_count=len(request.contents),
            max_tokens=generation.max_output_tokens,
            stream=method == "streamGenerateContent",
            wants_reasoning=asked or is_reasoning_model(model),
            shows_reasoning=thinking.include_thoughts,
            wants_usage=True,
            is_cacheable=True,
            tools=tuple(
                OfferedTool(each.name, each.parameters_json_schema or each.parameters)
                for tool in request.tools
                for each in tool.function_declarations
            ),
            has_results=any(part.function_response for part in request.contents[-1].parts),
            schema=generation.response_json_schema or generation.response_schema,
        )

    def frames(self, draft: Draft, *, wants_usage: bool) -> Iterator[Frame]:
        """Write an answer as responses, each with some parts; the last says why it ends."""
        del wants_usage
        hidden = 0 if draft.shows_reasoning else tokens_in(draft.reasoning)
        if draft.shows_reasoning:
            for piece in pieces_of(draft.reasoning):
                yield _piece(draft, {"text": piece, "thought": True}, len(piece) / 4)
        for piece in pieces_of(draft.text):
            yield _piece(draft, {"text": piece}, hidden + len(piece) / 4)
            hidden = 0
        for part in _call_parts(draft):
            yield _piece(draft, part, hidden + 1)
            hidden = 0
        signed: JsonValue = {"text": "", "thoughtSignature": _signature(draft)}
        last = _response(draft, [] if draft.calls else [signed], finish=_finish(draft))
        yield Frame(_sse({**last, "usageMetadata": _usage(draft)}), Step.CLOSING)

    def whole(self, draft: Draft, *, is_finished: bool = True) -> JsonValue:
        """Write an answer as one response."""
        parts: list[JsonValue] = []
        if draft.reasoning and draft.shows_reasoning:
            parts.append({"text": draft.reasoning, "thought": True})
        if draft.text:
            parts.append({"text": draft.text})
        parts += _call_parts(draft)
        finish = _finish(draft) if is_finished else None
        return {**_response(draft, parts, finish=finish), "usageMetadata": _usage(draft)}

    def headers(self, draft: Draft) -> dict[str, str]:
        """Headers of an answer; this vendor's id of it is in the body."""
        del draft
        return {}

    def refusal(self, refused: RefusalError, *, request_id: str) -> JsonValue:
        """Write an error as a body; how long to wait is in its details and in no header."""
        del request_id
        details: list[JsonValue] = []
        if isinstance(refused, BadKeyError):
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            details.append({"@type": kind, "reason": "API_KEY_INVALID"})
        if refused.retry_after is not None:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            details.append({"@type": kind, "retryDelay": f"{refused.retry_after}s"})
        return _error(refused.status, refused.message, details)

    def error_frame(self) -> bytes:
        """Write the error by which an overloaded vendor ends a stream."""
        return _sse(_error(503, "The model is overloaded. Please try again later.", []))

    def broken_frame(self) -> bytes:
        """Write a response that is not JSON."""
        return b'data: {"candidates": [{"content":\r\n\r\n'

    def models(self) -> JsonValue:
        """List the models, in the form of GET /v1beta/models."""
        listed: list[JsonValue] = [
            {
                "name": f"models/{name}",
                "displayName": title,
                "inputTokenLimit": 1_048_576,
                "outputTokenLimit": 65_536,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }
            for name, title in _MODELS.items()
        ]
        embedding: JsonValue = {
            "name": "models/gemini-embedding-001",
            "inputTokenLimit": 2048,
            "supportedGenerationMethods": ["embedContent", "batchEmbedContents"],
        }
        return {"models": [*listed, embedding]}


def _refuse_unsigned(request: _Request) -> None:
    """A call that is handed back must have the signature of the thinking that led to it."""
    for content in request.contents:
        if content.role != "model":
            continue
        first = next((part for part in content.parts if part.function_call), None)
        if first is not None and not first.thought_signature:
            message = "Function call is missing a thought_signature in functionCall parts."
            raise RefusalError(400, message)


def _call_parts(draft: Draft) -> list[JsonValue]:
    """Only the first of parallel calls is signed."""
    parts: list[JsonValue] = []
    for place, call in enumerate(draft.calls):
        part: dict[str, JsonValue] = {
            "functionCall": {"id": call.id, "name": call.name, "args": call.arguments}
        }
        if place == 0:
            part["thoughtSignature"] = _signature(draft)
        parts.append(part)
    return parts


def _signature(draft: Draft) -> str:
    return base64.b64encode(f"simulated {draft.id}".encode()).decode()


def _finish(draft: Draft) -> str:
    return draft.finish or ("MAX_TOKENS" if draft.is_cut else "STOP")


def _usage(draft: Draft) -> JsonValue:
    thoughts = draft.reasoning_tokens
    usage: dict[str, JsonValue] = {
        "promptTokenCount": draft.input_tokens,
        "cachedContentTokenCount": draft.cached_tokens,
        "candidatesTokenCount": draft.output_tokens - thoughts,
        "totalTokenCount": draft.input_tokens + draft.output_tokens,
    }
    return {**usage, "thoughtsTokenCount": thoughts} if thoughts else usage


def _response(
    draft: Draft, parts: list[JsonValue], *, finish: str | None = None
) -> dict[str, JsonValue]:
    candidate: dict[str, JsonValue] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": draft.model, "responseId": draft.id}


def _piece(draft: Draft, part: JsonValue, tokens: float) -> Frame:
    return Frame(_sse(_response(draft, [part])), Step.PIECE, tokens)


def _error(status: int, message: str, details: list[JsonValue]) -> dict[str, JsonValue]:
    error: dict[str, JsonValue] = {
        "code": status,
        "message": message,
        "status": _STATUSES.get(status, "UNKNOWN"),
    }
    return {"error": {**error, "details": details} if details else error}


def _sse(value: JsonValue) -> bytes:
    return b"data: " + dump(value) + b"\r\n\r\n"
