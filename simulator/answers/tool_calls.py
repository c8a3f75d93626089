"""Calls of tools: those that the prompt names, with arguments that it gives or that fit."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from simulator.answers.samples import build_sample
from simulator.request import LOCAL_VENDORS, CompletionRequest, RequestedTool

CallFlaw: TypeAlias = Literal["bad-arguments", "endless-calls", "unknown-tool"]
"""A planned fault: arguments that are not JSON, the same call in every turn, or a wrong name."""

_DECODER: Final = json.JSONDecoder()
_DICTATED: Final = re.compile(r"\[\[say:.*?\]\]", re.DOTALL)
"""A text that the prompt dictates; the names in it ask for nothing."""
_THEN: Final = re.compile(r"\bthen\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PlannedToolCall:
    """A call of a tool."""

    id: str
    name: str
    arguments: JsonValue
    is_broken: bool = False

    @property
    def text(self) -> str:
        """The arguments as JSON; the beginning of it if they are broken."""
        text = json.dumps(self.arguments, ensure_ascii=False)
        return text[:-2] if self.is_broken else text


def plan_calls(
    request: CompletionRequest, *, number: int, flaw: CallFlaw | None = None
) -> tuple[PlannedToolCall, ...]:
    """Plan the calls of the next turn; none once every call of the prompt was made.

    `look {"x": 1} and look {"x": 2}, then save` is two parallel calls and, in the next turn, one.
    """
    turns = list(_plan_turns(request))
    made = request.conversation.call_turns
    if request.vendor in LOCAL_VENDORS:
        made -= request.conversation.rejected_turns
    if not request.allows_parallel_calls:
        turns = [[call] for turn in turns for call in turn]
    if flaw == "endless-calls":
        made = 0
        turns = turns[:1] or [
            [(tool.name, build_sample(tool.parameters))] for tool in request.tools
        ]
    if not request.tools or request.tool_choice == "none" or made >= len(turns):
        return ()
    return tuple(
        PlannedToolCall(
            f"call{number:03d}{place:02d}",
            f"no_{name}" if flaw == "unknown-tool" else name,
            {"malformed": True} if flaw == "bad-arguments" else arguments,
            is_broken=flaw == "bad-arguments",
        )
        for place, (name, arguments) in enumerate(turns[made])
    )


def _plan_turns(request: CompletionRequest) -> Iterator[list[tuple[str, JsonValue]]]:
    forced = request.tool_choice
    tools = [tool for tool in request.tools if forced in {"auto", "required", "none", tool.name}]
    is_named = False
    for part in _THEN.split(_DICTATED.sub("", request.prompt)):
        if found := sorted(_find_calls(part, tools)):
            is_named = True
            yield [(name, arguments) for _, name, arguments in found]
    if not is_named and tools and forced not in {"auto", "none"}:
        yield [(tools[0].name, build_sample(tools[0].parameters))]


def _find_calls(text: str, tools: Sequence[RequestedTool]) -> Iterator[tuple[int, str, JsonValue]]:
    """Yield place, name and arguments of each call in a text; a name alone counts once."""
    for tool in tools:
        given = False
        places = [*re.finditer(rf"(?<![\w-]){re.escape(tool.name)}(?![\w-])", text)]
        for found in places:
            start = re.compile(r"[\s(:`]*(?=\{)").match(text, found.end())
            if start is None:
                continue
            try:
                arguments, _ = _DECODER.raw_decode(text, start.end())
            except ValueError:
                continue
            given = True
            yield found.start(), tool.name, arguments
        if places and not given:
            yield places[0].start(), tool.name, build_sample(tool.parameters)


def split_halves(text: str) -> tuple[str, str]:
    """Split the arguments of a call in two, since vendors stream them in pieces."""
    return text[: len(text) // 2], text[len(text) // 2 :]
