"""Parser of the events of OpenAI's Responses API, and of its answers that are not streamed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from providers.adapters.finish_reasons import build_refusal, map_finish_reason
from providers.adapters.http.error_mapping import PARSE_ERRORS, build_incomplete, map_payload
from providers.adapters.openai.stream import count_tokens_used
from providers.adapters.payload import get_count, get_mapping, get_text, merge_counts
from providers.chat import (
    Citation,
    Done,
    Event,
    ReasoningDelta,
    ReasoningReplay,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.errors import MalformedResponse

_REASONING_DELTAS: Final = frozenset(
    {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
)
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


class ResponsesStreamParser:
    """Turns the events of one response into those of an answer. One per call."""

    def __init__(self, vendor: str, *, secret: str, model: str, keeps_items: bool) -> None:
        """Create a parser; `keeps_items` keeps encrypted reasoning and its context for a loop."""
        self._vendor = vendor
        self._secret = secret
        self._requested_model = model
        self._keeps_items = keeps_items
        self._items: dict[int, Mapping[str, Any]] = {}
        """Complete items by index."""
        self._calls: dict[int, _Call] = {}
        self._refusal: list[str] = []
        self._citations: dict[str, Citation] = {}
        self._searches = 0
        self._usage: Mapping[str, Any] = {}
        self._finish: str | None = None
        self._model: str | None = None
        self._id: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the response ended."""
        return self._finish is not None

    def parse(self, payload: object) -> Iterator[Event]:
        """Yield the events of one decoded payload; unknown types are skipped.

        Raises:
            CallFailed: the payload is an error, or not part of a response.
        """
        try:
            yield from self._parse(payload)
        except PARSE_ERRORS as error:
            raise MalformedResponse(self._vendor, "an event is not as documented") from error

    def close(self, *, request_id: str | None, notes: tuple[str, ...]) -> Iterator[Event]:
        """Yield the events that end the answer.

        Raises:
            IncompleteStream: the response did not end.
            ContentFiltered: its filter ended the answer, or the model refused.
            CallFailed: see `map_finish_reason`.
        """
        if self._finish is None:
            raise build_incomplete(self._vendor)
        refusal = "".join(self._refusal)
        finish = map_finish_reason(
            self._vendor,
            self._finish,
            has_calls=bool(self._calls),
            detail=refusal,
            secret=self._secret,
        )
        if refusal:
            raise build_refusal(self._vendor, refusal, secret=self._secret)
        for _, call in sorted(self._calls.items()):
            arguments = "".join(call.arguments)
            yield ToolCall(id=call.id, name=call.name, arguments=arguments or "{}")
        yield from self._citations.values()
        yield Done(
            finish_reason=finish,
            vendor_finish_reason=self._finish,
            model=self._model,
            request_id=request_id or self._id,
            notes=notes,
            replay=self._build_replay(),
        )

    def _parse(self, payload: object) -> Iterator[Event]:
        if not isinstance(payload, Mapping):
            raise MalformedResponse(self._vendor, "an event is not an object")
        kind = payload.get("type")
        if kind is None and isinstance(payload.get("output"), list):
            yield from self._parse_whole(payload)
        elif kind == "error" or (kind is None and payload.get("error")):
            raise map_payload(self._vendor, payload, secret=self._secret)
        elif kind in _ENDS:
            yield from self._finish_response(get_mapping(payload, "response"))
        elif kind == "response.output_text.delta":
            yield TextDelta(str(payload.get("delta", "")))
        elif kind in _REASONING_DELTAS:
            yield ReasoningDelta(str(payload.get("delta", "")))
        elif kind == "response.reasoning_summary_part.added" and payload.get("summary_index"):
            yield ReasoningDelta("\n\n")
        elif kind == "response.refusal.delta":
            self._refusal.append(str(payload.get("delta", "")))
        elif kind == "response.function_call_arguments.delta":
            yield self._add_to_call(_get_index(payload), str(payload.get("delta", "")))
        elif kind == "response.output_item.added":
            yield from self._start_item(_get_index(payload), get_mapping(payload, "item"))
        elif kind == "response.output_item.done":
            yield from self._finish_item(_get_index(payload), get_mapping(payload, "item"))

    def _parse_whole(self, response: Mapping[str, Any]) -> Iterator[Event]:
        """Yield the events of a response that was not streamed."""
        for index, item in enumerate(response["output"]):
            if item.get("type") == "reasoning":
                parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
                if text := "\n\n".join(str(part.get("text", "")) for part in parts):
                    yield ReasoningDelta(text)
            for part in item.get("content") or ():
                if part.get("type") == "output_text" and part.get("text"):
                    yield TextDelta(str(part["text"]))
                elif part.get("type") == "refusal":
                    self._refusal.append(str(part.get("refusal")))
            yield from self._start_item(index, item)
            yield from self._finish_item(index, item)
        yield from self._finish_response(response)

    def _start_item(self, index: int, item: Mapping[str, Any]) -> Iterator[Event]:
        if item.get("type") == "function_call":
            call_id = str(item.get("call_id") or item.get("id") or f"call_{index}")
            self._calls[index] = _Call(call_id, str(item.get("name", "")))
            yield self._add_to_call(index, "")

    def _finish_item(self, index: int, item: Mapping[str, Any]) -> Iterator[Event]:
        match item.get("type"):
            case "function_call":
                if index not in self._calls:
                    yield from self._start_item(index, item)
                if not "".join(self._calls[index].arguments):
                    yield self._add_to_call(index, str(item.get("arguments") or ""))
            case "web_search_call":
                action = get_mapping(item, "action").get("type", "search")
                self._searches += action == "search" and item.get("status") != "failed"
            case "message":
                self._collect_citations(item)
        if self._keeps_items:
            self._items[index] = item

    def _add_to_call(self, index: int, piece: str) -> ToolCallDelta:
        call = self._calls[index]
        call.arguments.append(piece)
        return ToolCallDelta(index=index, id=call.id, name=call.name, arguments=piece)

    def _collect_citations(self, message: Mapping[str, Any]) -> None:
        for part in message.get("content") or ():
            for each in part.get("annotations") or ():
                if isinstance(url := each.get("url"), str):
                    self._citations[url] = Citation.build(url, each.get("title"))

    def _finish_response(self, response: Mapping[str, Any]) -> Iterator[TokenUsage]:
        self._model = get_text(response, "model") or self._model
        self._id = get_text(response, "id") or self._id
        if isinstance(usage := response.get("usage"), Mapping):
            self._usage = merge_counts(self._usage, usage)
            billed = get_mapping(get_mapping(response, "tool_usage"), "web_search")
            searches = get_count(billed, "num_requests", absent=self._searches)
            yield _to_usage(self._usage, searches or 0)
        status = get_text(response, "status")
        if response.get("error") or status == "failed":
            raise map_payload(
                self._vendor,
                {"error": response.get("error") or {"message": "the response failed"}},
                secret=self._secret,
            )
        self._finish = get_text(get_mapping(response, "incomplete_details"), "reason") or status

    def _build_replay(self) -> ReasoningReplay | None:
        """Return all items if the model calls tools and some are neither text nor calls.

        Reasoning without its encrypted content cannot be read again, because nothing is stored.
        """
        kept = [
            item
            for _, item in sorted(self._items.items())
            if item.get("type") != "reasoning" or item.get("encrypted_content")
        ]
        if not self._calls or all(
            item.get("type") in {"message", "function_call"} for item in kept
        ):
            return None
        return ReasoningReplay(vendor=self._vendor, model=self._requested_model, blocks=tuple(kept))


def _to_usage(raw: Mapping[str, Any], searches: int) -> TokenUsage:
    """Return the counts, whose names differ from those of chat completions."""
    names = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    names |= {f"{old}_details": f"{new}_details" for old, new in names.items()}
    return count_tokens_used(
        {names.get(name, name): value for name, value in raw.items()}, raw, searches
    )


def _get_index(payload: Mapping[str, Any]) -> int:
    value = payload.get("output_index")
    return value if isinstance(value, int) else 0
