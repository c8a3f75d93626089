"""The response to one request, decided in full before its first byte is sent."""

import json
import re
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from simulator.answers.structured import NO_SAMPLE, NoSample, find_stated_schema, write_json
from simulator.answers.text import (
    derive_seed,
    find_dictation,
    write_answer,
    write_reasoning,
    write_report,
)
from simulator.answers.tool_calls import CallFlaw, PlannedToolCall, plan_calls
from simulator.local.call_texts import Writing, write_calls
from simulator.local.taught import take_schema_as_tools
from simulator.request import CompletionRequest

_CHARACTERS_PER_TOKEN: Final = 4
_CACHE_BLOCK: Final = 64
_FILE_TOKENS: Final = 300
FOUND: Final = ("https://example.com/simulated", "A simulated source")
"""What a simulated search of the web finds."""
_PIECE: Final = re.compile(r"\s*\S{1,8}|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResponse:
    """Reasoning, text and token counts; a token is 4 characters."""

    number: int
    """Of the request in the request log; makes the id of the response unique."""
    seed: int
    model: str
    reasoning: str
    """Empty if the model does not reason."""
    shows_reasoning: bool
    text: str
    is_truncated: bool
    """Whether the limit of output tokens was reached."""
    input_tokens: int
    """Including those read from the cache."""
    cached_tokens: int
    written_tokens: int = 0
    """Those written to the cache, where that has a price of its own."""
    calls: tuple[PlannedToolCall, ...] = ()
    """Calls of tools; they replace the text."""
    searches: int = 0
    """Searches of the web, which the text cites."""
    finish_reason: str | None = None
    """Replaces the correct finish reason."""
    deltas: str | None = None
    """How calls are streamed, see `simulator.local.call_deltas`."""

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning, also of a hidden one."""
        return count_tokens(self.reasoning)

    @property
    def output_tokens(self) -> int:
        """Tokens of reasoning, text and the arguments of calls."""
        called = sum(count_tokens(call.text) for call in self.calls)
        return self.reasoning_tokens + count_tokens(self.text) + called

    @property
    def id(self) -> str:
        """Unique within a process, and equal for equal sequences of requests."""
        return f"sim{self.seed:016x}{self.number:06d}"


def plan_response(
    request: CompletionRequest,
    *,
    number: int,
    flaw: CallFlaw | None = None,
    writing: Writing | None = None,
) -> PlannedResponse:
    """Decide the response to a request, with a flaw in its calls if one was requested.

    `writing`: how the model writes its calls as text; None: they are data.
    """
    seed = derive_seed(request.model, request.prompt)
    reasoning = write_reasoning(request.prompt) if request.wants_reasoning else ""
    calls = plan_calls(request, number=number, flaw=flaw)
    is_truncated = False
    if calls and writing is not None:
        text, calls = write_calls(calls, writing), ()
        is_truncated = writing.flaw == "truncated"
    else:
        text = "" if calls else _plan_text(request, seed)
    if request.max_tokens is not None:
        # Vendors count the reasoning towards the limit, so that no text may be left.
        lengths = len(reasoning), len(text)
        reasoning = reasoning[: request.max_tokens * _CHARACTERS_PER_TOKEN]
        room = request.max_tokens - count_tokens(reasoning)
        text = text[: room * _CHARACTERS_PER_TOKEN]
        is_truncated = is_truncated or lengths != (len(reasoning), len(text))
    context_tokens = count_tokens(request.conversation.context)
    rest = count_tokens(request.prompt) + _FILE_TOKENS * len(request.files)
    is_cacheable = request.is_cacheable
    return PlannedResponse(
        number=number,
        seed=seed,
        model=request.model,
        reasoning=reasoning,
        shows_reasoning=request.shows_reasoning,
        text=text,
        is_truncated=is_truncated,
        input_tokens=context_tokens + rest,
        cached_tokens=context_tokens // _CACHE_BLOCK * _CACHE_BLOCK if is_cacheable else 0,
        written_tokens=rest // _CACHE_BLOCK * _CACHE_BLOCK if is_cacheable else 0,
        calls=calls,
        searches=int(request.searches_web and not calls),
    )


def _plan_text(request: CompletionRequest, seed: int) -> str:
    dictated = find_dictation(request.prompt)
    if dictated is not None:
        return dictated
    if (choosing := take_schema_as_tools(request)) is not None:
        # It must be a call, also if all calls of the prompt were made.
        calls = plan_calls(choosing, number=0)
        [call, *_] = calls or plan_calls(choosing, number=0, flaw="endless-calls")
        chosen: JsonValue = {"tool_name": call.name, "arguments": call.arguments}
        return json.dumps(chosen, ensure_ascii=False)
    conversation = request.conversation
    if (schema := _find_schema(request)) is not None:
        try:
            value = write_json(request.prompt, schema, model=request.model)
        except NoSample:
            return NO_SAMPLE
        return json.dumps(value, ensure_ascii=False)
    text = write_report(conversation.results)
    if not conversation.results:
        context = conversation.context
        text = write_answer(request.prompt, seed=seed, context=context, model=request.model)
    if request.files:
        text += f"\n\nFiles that came with it: {', '.join(request.files)}."
    return text


def _find_schema(request: CompletionRequest) -> JsonValue:
    """Return the schema of the answer: as a model would, also one in the instructions."""
    if (corrected := find_stated_schema(request.prompt)) is not None:
        return corrected
    if request.schema in (None, {"type": "object"}):
        stated = find_stated_schema(request.conversation.context)
        return request.schema if stated is None else stated
    return request.schema


def count_tokens(text: str) -> int:
    """Return the approximate number of tokens of a text."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def split_pieces(text: str) -> list[str]:
    """Split a text into the small pieces of a stream; joined, they are the text."""
    return _PIECE.findall(text)


_REASONING_MODEL: Final = re.compile(r"reason|deepseek|v3p2|(?<![a-z0-9])r1(?![0-9])")


def is_reasoning_model(model: str) -> bool:
    """Return whether a model reasons by default."""
    return _REASONING_MODEL.search(model.lower()) is not None
