"""The Responses API of OpenAI, which others imitate: POST .../v1/responses."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import Field, JsonValue

from simulator.answers.tool_calls import split_halves
from simulator.formats.base import (
    EVENT_STREAM,
    FramePosition,
    StatusError,
    StreamFrame,
    dump_json,
    validate_body,
)
from simulator.formats.openai import build_error
from simulator.planned import (
    FOUND,
    PlannedResponse,
    count_tokens,
    is_reasoning_model,
    split_pieces,
)
from simulator.request import (
    CompletionRequest,
    LenientModel,
    RequestedTool,
    SimulatedTurn,
    Vendor,
    describe_url,
    join_text,
    read_conversation,
)

_Item = dict[str, JsonValue]

_CREATED: Final = 1_700_000_000
_LEAST_OUTPUT: Final = 16


class _Tool(LenientModel):
    type: str
    name: str = ""
    parameters: JsonValue = None


class _NamedTool(LenientModel):
    name: str


class _Format(LenientModel):
    type: str
    json_schema: JsonValue = Field(default=None, alias="schema")
    strict: bool | None = None


class _Text(LenientModel):
    format: _Format | None = None


class _Reasoning(LenientModel):
    effort: str | None = None
    summary: str | None = None


class _Request(LenientModel):
    model: str = Field(min_length=1)
    input: str | list[_Item]
    instructions: str | None = None
    stream: bool = False
    store: bool = True
    include: tuple[str, ...] = ()
    max_output_tokens: int | None = Field(default=None, ge=_LEAST_OUTPUT)
    reasoning: _Reasoning = _Reasoning()
    tools: tuple[_Tool, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | _NamedTool = "auto"
    parallel_tool_calls: bool = True
    text: _Text = _Text()
    previous_response_id: str | None = None

    @property
    def items(self) -> list[_Item]:
        if isinstance(self.input, str):
            return [{"role": "user", "content": self.input}]
        return self.input

    @property
    def wants_reasoning(self) -> bool:
        if self.reasoning.effort is not None:
            return self.reasoning.effort != "none"
        return is_reasoning_model(self.model)


class ResponsesFormat:
    """Parses requests for responses; builds one response or a stream of events."""

    request_id_header: Final = "x-request-id"
    stream_type: Final = EVENT_STREAM

    def __init__(self, vendor: Vendor) -> None:
        self.vendor: Final = vendor

    def parse_request(self, body: bytes, headers: Mapping[str, str]) -> CompletionRequest:
        """Parse a request; raise `StatusError` if it is invalid."""
        del headers
        request = validate_body(_Request, body, "Invalid value for '{field}': {problem}")
        if request.previous_response_id is not None:
            raise StatusError(404, "Previous response not found: the simulator stores none.")
        _check_items(request.items)
        choice = request.tool_choice
        return CompletionRequest(
            vendor=self.vendor,
            model=request.model,
            conversation=read_conversation(
                filter(None, map(_read_turn, request.items)), request.instructions or ""
            ),
            message_count=len(request.items),
            max_tokens=request.max_output_tokens,
            stream=request.stream,
            wants_reasoning=request.wants_reasoning,
            shows_reasoning=request.reasoning.summary is not None,
            wants_usage=True,
            is_cacheable=True,
            tools=tuple(
                RequestedTool(tool.name, tool.parameters)
                for tool in request.tools
                if tool.type == "function"
            ),
            tool_choice=choice.name if isinstance(choice, _NamedTool) else choice,
            allows_parallel_calls=request.parallel_tool_calls,
            searches_web=any(tool.type == "web_search" for tool in request.tools),
            files=tuple(_iter_files(request.items)),
            schema=request.text.format.json_schema if request.text.format else None,
            is_strict=bool(request.text.format and request.text.format.strict),
        )

    def build_frames(self, planned: PlannedResponse, *, wants_usage: bool) -> Iterator[StreamFrame]:
        """Yield numbered events; usage is in the last one."""
        del wants_usage
        events = _iter_events(planned)
        for number, (kind, position, tokens, fields) in enumerate(events):
            data = dump_json({"type": kind, "sequence_number": number, **fields})
            yield StreamFrame(f"event: {kind}\ndata: ".encode() + data + b"\n\n", position, tokens)

    def build_body(self, planned: PlannedResponse, *, is_finished: bool = True) -> JsonValue:
        """Build one response; unless `is_finished`, it is still in progress."""
        output: list[JsonValue] = list(_build_items(planned))
        status = _choose_status(planned) if is_finished else "in_progress"
        return _build_response(planned, output, status=status)

    def build_headers(self, planned: PlannedResponse) -> dict[str, str]:
        """Build the headers of a response."""
        return {self.request_id_header: f"req_{planned.id}"}

    def build_error(self, error: StatusError, *, request_id: str) -> JsonValue:
        """Build the body of an error status; the request id is only in its header."""
        del request_id
        return build_error(error.status, error.message)

    def build_error_frame(self) -> bytes:
        """Return the event with which the vendor ends a stream."""
        error: JsonValue = {
            "type": "error",
            "code": "server_error",
            "message": "The server had an error while generating.",
            "param": None,
            "sequence_number": 0,
        }
        return b"event: error\ndata: " + dump_json(error) + b"\n\n"

    def build_broken_frame(self) -> bytes:
        """Return an event that is not JSON."""
        return b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",\n\n'


def _check_items(items: Iterable[_Item]) -> None:
    """Raise `StatusError` unless each result belongs to a call, and each call has a result."""
    called: set[JsonValue] = set()
    for item in items:
        if item.get("type") == "function_call":
            called.add(str(item.get("call_id")))
        elif item.get("type") == "function_call_output":
            if str(item.get("call_id")) not in called:
                raise StatusError(
                    400, f"No tool call found for function call output {item.get('call_id')}."
                )
            called.discard(str(item.get("call_id")))
        elif item.get("type") == "reasoning" and not item.get("encrypted_content"):
            raise StatusError(
                404,
                f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` "
                "is set to false.",
            )
    if called:
        raise StatusError(400, f"No tool output found for function call {min(map(str, called))}.")


def _read_turn(item: _Item) -> SimulatedTurn | None:
    match item.get("type", "message"):
        case "function_call":
            return SimulatedTurn(role="assistant", has_calls=True)
        case "function_call_output":
            return SimulatedTurn(role="tool", results=(_read_text(item.get("output")),))
        case "message":
            is_own = item.get("role") == "assistant"
            text = _read_text(item.get("content"))
            return SimulatedTurn(role="assistant" if is_own else "user", text=text)
    return None


def _read_text(content: JsonValue) -> str:
    if isinstance(content, list):
        return join_text([part for part in content if isinstance(part, dict)])
    return content if isinstance(content, str) else ""


def _iter_files(items: Iterable[_Item]) -> Iterator[str]:
    """Describe the images and documents; raise `StatusError` for one that cannot be read."""
    for item in items:
        content = item.get("output", item.get("content"))
        for part in content if isinstance(content, list) else ():
            if not isinstance(part, dict) or part.get("type") not in {"input_image", "input_file"}:
                continue
            url = part.get("image_url") or part.get("file_data") or part.get("file_url")
            try:
                yield describe_url(str(url))
            except ValueError as error:
                raise StatusError(400, f"Invalid base64 data in a file: {error}") from error


def _build_items(planned: PlannedResponse) -> Iterator[_Item]:
    if planned.reasoning:
        shown: list[JsonValue] = [{"type": "summary_text", "text": planned.reasoning}]
        yield {
            "type": "reasoning",
            "id": f"rs_{planned.id}",
            "summary": shown if planned.shows_reasoning else [],
            "encrypted_content": f"simulated-{planned.id}",
        }
    if planned.searches:
        yield {
            "type": "web_search_call",
            "id": f"ws_{planned.id}",
            "status": "completed",
            "action": {"type": "search", "query": "simulated"},
        }
    if planned.text or not planned.calls:
        yield {
            "type": "message",
            "id": f"msg_{planned.id}",
            "role": "assistant",
            "status": "completed",
            "content": [_build_text(planned, planned.text)],
        }
    for call in planned.calls:
        yield {
            "type": "function_call",
            "id": f"fc_{call.id}",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.text,
            "status": "completed",
        }


def _build_text(planned: PlannedResponse, text: str) -> JsonValue:
    url, title = FOUND
    cited: JsonValue = {
        "type": "url_citation",
        "url": url,
        "title": title,
        "start_index": 0,
        "end_index": len(text),
    }
    annotations: list[JsonValue] = [cited] if planned.searches and text else []
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


_Event = tuple[str, FramePosition, float, dict[str, Any]]


def _iter_events(planned: PlannedResponse) -> Iterator[_Event]:
    structure, piece, closing = FramePosition.STRUCTURE, FramePosition.PIECE, FramePosition.CLOSING
    begun = _build_response(planned, [], status="in_progress")
    yield "response.created", structure, 0, {"response": begun}
    yield "response.in_progress", structure, 0, {"response": begun}
    output: list[JsonValue] = []
    for index, item in enumerate(_build_items(planned)):
        place = {"output_index": index}
        within = {**place, "item_id": item["id"]}
        started = {"summary": [], "content": [], "arguments": ""}
        empty = {name: started.get(name, value) for name, value in item.items()}
        yield "response.output_item.added", structure, 0, {**place, "item": empty}
        for kind, tokens, fields in _iter_pieces(planned, item):
            yield kind, piece if tokens else structure, tokens, {**within, **fields}
        end = closing if item["type"] == "message" else structure
        yield "response.output_item.done", end, 0, {**place, "item": item}
        output.append(item)
    status = _choose_status(planned)
    ended = _build_response(planned, output, status=status)
    yield f"response.{status}", closing, 0, {"response": ended}


def _iter_pieces(
    planned: PlannedResponse, item: _Item
) -> Iterator[tuple[str, float, dict[str, Any]]]:
    """Yield kind, tokens and fields of the events within one item."""
    match item["type"]:
        case "reasoning" if not planned.shows_reasoning:
            return
        case "reasoning":
            summary, part = "response.reasoning_summary", {"type": "summary_text", "text": ""}
            yield f"{summary}_part.added", 0, {"summary_index": 0, "part": part}
            for text in split_pieces(planned.reasoning):
                yield f"{summary}_text.delta", len(text) / 4, {"summary_index": 0, "delta": text}
            whole = planned.reasoning
            yield f"{summary}_text.done", 0, {"summary_index": 0, "text": whole}
            yield f"{summary}_part.done", 0, {"summary_index": 0, "part": {**part, "text": whole}}
        case "message":
            place = {"content_index": 0}
            text_part = _build_text(planned, "")
            yield "response.content_part.added", 0, {**place, "part": text_part}
            hidden = 0 if planned.shows_reasoning else count_tokens(planned.reasoning)
            for text in split_pieces(planned.text):
                delta = {**place, "delta": text, "logprobs": []}
                yield "response.output_text.delta", hidden + len(text) / 4, delta
                hidden = 0
        case "function_call":
            for half in split_halves(str(item["arguments"])):
                yield "response.function_call_arguments.delta", 1, {"delta": half}
            done = {"arguments": item["arguments"], "name": item["name"]}
            yield "response.function_call_arguments.done", 0, done


def _choose_status(planned: PlannedResponse) -> str:
    is_cut = planned.is_truncated or planned.finish_reason not in {None, "completed"}
    return "incomplete" if is_cut else "completed"


def _build_response(
    planned: PlannedResponse, output: list[JsonValue], *, status: str
) -> dict[str, JsonValue]:
    reason = planned.finish_reason or "max_output_tokens"
    is_ended = status != "in_progress"
    return {
        "id": f"resp_{planned.id}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "model": planned.model,
        "output": output,
        "error": None,
        "incomplete_details": {"reason": reason} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": None,
        "top_p": None,
        "tool_choice": "auto",
        "tools": [],
        "store": False,
        "usage": _build_usage(planned) if is_ended else None,
    }


def _build_usage(planned: PlannedResponse) -> JsonValue:
    return {
        "input_tokens": planned.input_tokens,
        "input_tokens_details": {"cached_tokens": planned.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": planned.output_tokens,
        "output_tokens_details": {"reasoning_tokens": planned.reasoning_tokens},
        "total_tokens": planned.input_tokens + planned.output_tokens,
    }
