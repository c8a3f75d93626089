"""The answer to one question, decided in full before its first byte is sent."""

import json
import re
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from simulator.answers.text import answer_to, dictated, reasoning_for, seed_of
from simulator.answers.samples import sample
from simulator.request import Question

_CHARACTERS_PER_TOKEN: Final = 4
_CACHE_BLOCK: Final = 64
_PIECE: Final = re.compile(r"\s*\S{1,8}|\s+")


@dataclass(frozen=True, slots=True)
class DraftCall:
    """A call of a tool."""

    id: str
    name: str
    arguments: JsonValue

    @property
    def text(self) -> str:
        """The arguments as JSON."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Reasoning and text with their token counts. Tokens: counted by us, 4 characters each."""

    number: int
    """Of the request, in the journal; makes the id of the answer unique."""
    seed: int
    model: str
    reasoning: str
    """Empty when the model does not reason."""
    shows_reasoning: bool
    text: str
    is_cut: bool
    """Whether the limit of output tokens was reached."""
    input_tokens: int
    """All of them, those read from the cache included."""
    cached_tokens: int
    calls: tuple[DraftCall, ...] = ()
    """Calls of tools, which come in place of a text."""
    finish: str | None = None
    """The finish reason in place of the right one."""

    @property
    def reasoning_tokens(self) -> int:
        """Tokens of the reasoning, whether or not the client may read it."""
        return tokens_in(self.reasoning)

    @property
    def output_tokens(self) -> int:
        """Tokens of reasoning, text and the arguments of calls."""
        called = sum(tokens_in(call.text) for call in self.calls)
        return self.reasoning_tokens + tokens_in(self.text) + called

    @property
    def id(self) -> str:
        """Unique within a process, and the same for the same sequence of requests."""
        return f"sim{self.seed:016x}{self.number:06d}"


def compose(question: Question, *, number: int) -> Draft:
    """Decide the answer to a question."""
    seed = seed_of(question.model, question.prompt)
    reasoning = reasoning_for(question.prompt) if question.wants_reasoning else ""
    calls = _calls(question, number)
    text = "" if calls else _text(question, seed)
    is_cut = False
    if question.max_tokens is not None:
        # Vendors count the reasoning towards the limit, which can leave no room for text.
        whole = len(reasoning), len(text)
        reasoning = reasoning[: question.max_tokens * _CHARACTERS_PER_TOKEN]
        room = question.max_tokens - tokens_in(reasoning)
        text = text[: room * _CHARACTERS_PER_TOKEN]
        is_cut = whole != (len(reasoning), len(text))
    context_tokens = tokens_in(question.context)
    return Draft(
        number=number,
        seed=seed,
        model=question.model,
        reasoning=reasoning,
        shows_reasoning=question.shows_reasoning,
        text=text,
        is_cut=is_cut,
        input_tokens=context_tokens + tokens_in(question.prompt),
        cached_tokens=context_tokens // _CACHE_BLOCK * _CACHE_BLOCK if question.is_cacheable else 0,
        calls=calls,
    )


def _text(question: Question, seed: int) -> str:
    said = dictated(question.prompt)
    if said is not None:
        return said
    if question.schema is not None:
        return json.dumps(sample(question.schema), ensure_ascii=False)
    return answer_to(question.prompt, seed=seed, context=question.context)


def _calls(question: Question, number: int) -> tuple[DraftCall, ...]:
    """Call every offered tool that the prompt names, unless its result is already there."""
    if question.has_results:
        return ()
    named = [tool for tool in question.tools if tool.name in question.prompt]
    return tuple(
        DraftCall(f"call{number:03d}{place:02d}", tool.name, sample(tool.parameters))
        for place, tool in enumerate(named)
    )


def tokens_in(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text) // _CHARACTERS_PER_TOKEN)


def pieces_of(text: str) -> list[str]:
    """Split a text into the small pieces that a stream brings; joined, they are the text."""
    return _PIECE.findall(text)


def halves_of(text: str) -> tuple[str, str]:
    """Split the arguments of a call in two, as they come in more than one piece."""
    return text[: len(text) // 2], text[len(text) // 2 :]


_REASONING_MODEL: Final = re.compile(r"reason|deepseek|v3p2|(?<![a-z0-9])r1(?![0-9])")


def is_reasoning_model(model: str) -> bool:
    """Tell whether a model reasons without being asked to."""
    return _REASONING_MODEL.search(model.lower()) is not None
