"""Calls of tools in streams of chat completions, in the ways in which servers send them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from simulator.answers.tool_calls import PlannedToolCall, split_halves

_Delta = dict[str, JsonValue]
_Calls = Sequence[PlannedToolCall]


def _build_head(call: PlannedToolCall, arguments: JsonValue, **more: JsonValue) -> _Delta:
    function: JsonValue = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function, **more}


def _halve(calls: _Calls) -> Iterator[list[_Delta]]:
    for index, call in enumerate(calls):
        first, second = split_halves(call.text)
        yield [_build_head(call, first, index=index)]
        yield [{"index": index, "function": {"arguments": second}}]


def _send_at_once(calls: _Calls) -> Iterator[list[_Delta]]:
    yield [_build_head(call, call.text, index=index) for index, call in enumerate(calls)]


def _reuse_index(calls: _Calls) -> Iterator[list[_Delta]]:
    for call in calls:
        first, second = split_halves(call.text)
        yield [_build_head(call, first, index=0)]
        yield [{"index": 0, "function": {"arguments": second}}]


def _omit_index(calls: _Calls) -> Iterator[list[_Delta]]:
    for call in calls:
        first, second = split_halves(call.text)
        yield [_build_head(call, first)]
        yield [{"function": {"arguments": second}}]


def _repeat_names(calls: _Calls) -> Iterator[list[_Delta]]:
    for index, call in enumerate(calls):
        for half in split_halves(call.text):
            yield [_build_head(call, half, index=index)]


def _encode_twice(calls: _Calls) -> Iterator[list[_Delta]]:
    for index, call in enumerate(calls):
        yield [_build_head(call, json.dumps(call.text), index=index)]


def _send_objects(calls: _Calls) -> Iterator[list[_Delta]]:
    for index, call in enumerate(calls):
        yield [_build_head(call, call.arguments, index=index)]


def _omit_ids(calls: _Calls) -> Iterator[list[_Delta]]:
    for index, call in enumerate(calls):
        head = _build_head(call, call.text, index=index)
        yield [{**head, "id": None}]


DELTAS: Final[Mapping[str, Callable[[_Calls], Iterator[list[_Delta]]]]] = {
    "halves": _halve,
    "at-once": _send_at_once,
    "same-index": _reuse_index,
    "no-index": _omit_index,
    "repeated-names": _repeat_names,
    "encoded-twice": _encode_twice,
    "objects": _send_objects,
    "no-ids": _omit_ids,
}
"""The calls of each delta, by the name of the way. `halves` is that of OpenAI."""
