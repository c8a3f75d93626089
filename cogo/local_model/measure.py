"""Measures a model on this machine: how fast it answers, and whether it calls tools rightly."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cogo.local_model.fit import PARALLEL, choose_parallel
from providers.adapters.base import Timeouts
from providers.catalogue.open_models import Measured
from providers.chat import (
    ChatRequest,
    Message,
    ReasoningDelta,
    TextCalls,
    TextDelta,
    TokenUsage,
    Tool,
    ToolCall,
    ToolMode,
)
from providers.chat_response import ChatResponse, collect_response
from providers.errors import ProviderError
from providers.router import Router

STEPS: Final = 5
"""Of a measurement: loaded, timed alone, timed together, tools, schema."""
_TRIES: Final = 3
_ENOUGH: Final = 2
"""Right tries of three."""
_TOKENS: Final = 64
_TIMEOUTS: Final = Timeouts(
    first_token=timedelta(seconds=90), stall=timedelta(seconds=30), total=timedelta(seconds=120)
)
_COUNT: Final = "Write the numbers from 1 to 100, separated by commas."
_TOOL: Final = Tool(
    name="get_weather",
    description="The weather in a city today",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
_CITIES: Final = ("Paris", "Nairobi", "Lima")
_SCHEMA: Final = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured, with what lies behind it."""

    measured: Measured
    together_tokens_per_s: float
    """Of two answers at once."""
    right_calls: dict[ToolMode, int]
    """Of three tries, by the way in which the tools were sent."""
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Speed:
    first_token_s: float
    tokens: int
    seconds: float
    """From the first token to the last."""

    @property
    def tokens_per_s(self) -> float:
        return max(0, self.tokens - 1) / self.seconds if self.seconds > 0 else 0.0


async def measure_model(
    router: Router, lane: str, *, at: datetime, on_step: Callable[[], None] = lambda: None
) -> Measurement:
    """Measure a model that can be called from here; it takes a minute or less.

    `on_step` is called STEPS times. Raises ProviderError if it does not answer at all.
    """
    await _time_answer(router, lane, tokens=1)  # loads the model, which may take long
    on_step()
    alone = await _time_answer(router, lane)
    on_step()
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        pair = [group.create_task(_time_answer(router, lane), name="measure") for _ in range(2)]
    together = sum(each.result().tokens for each in pair) / (time.monotonic() - begun)
    on_step()
    failures: list[str] = []
    right: dict[ToolMode, int] = {}
    modes: tuple[ToolMode, ...] = ("structured", "text")
    for mode in modes:
        right[mode] = await _count_right_calls(router, lane, mode, failures)
        if right[mode] >= _ENOUGH:
            break
    on_step()
    whole = alone.tokens / (alone.first_token_s + alone.seconds)
    schema = await _follows_schema(router, lane, failures)
    on_step()
    measured = Measured(
        tokens_per_s=round(alone.tokens_per_s, 2),
        first_token_s=round(alone.first_token_s, 3),
        calls_tools=max(right.values()) >= _ENOUGH,
        follows_schema=schema,
        parallel=choose_parallel(whole, together),
        measured_at=at.isoformat(),
    )
    return Measurement(
        measured=measured,
        together_tokens_per_s=round(together, 2),
        right_calls=right,
        failures=tuple(dict.fromkeys(failures)),
    )


async def _time_answer(router: Router, lane: str, *, tokens: int = _TOKENS) -> _Speed:
    begun = time.monotonic()
    first = last = None
    counted = 0
    reported: int | None = None
    request = ChatRequest(
        model="", messages=(Message(role="user", content=_COUNT),), max_output_tokens=tokens
    )
    async for event in router.stream(lane, request, timeouts=_TIMEOUTS):
        if isinstance(event, TextDelta | ReasoningDelta):
            last = time.monotonic()
            first = first or last
            counted += 1
        elif isinstance(event, TokenUsage):
            reported = event.output
    end = last or time.monotonic()
    return _Speed((first or end) - begun, reported or counted, end - (first or end))


async def _count_right_calls(router: Router, lane: str, mode: ToolMode, failures: list[str]) -> int:
    right = 0
    for city in _CITIES[:_TRIES]:
        request = ChatRequest(
            model="",
            messages=(Message(role="user", content=f"What is the weather in {city} today?"),),
            tools=(_TOOL,),
            text_calls=TextCalls(tool_mode=mode),
            max_output_tokens=256,
        )
        answer = await _ask(router, lane, request, failures)
        right += answer is not None and is_right_call(answer.tool_calls, city)
    return right


async def _follows_schema(router: Router, lane: str, failures: list[str]) -> bool | None:
    request = ChatRequest(
        model="",
        messages=(Message(role="user", content="Add 17 and 25. Answer as JSON."),),
        response_schema=_SCHEMA,
        max_output_tokens=128,
    )
    answer = await _ask(router, lane, request, failures)
    return None if answer is None else follows_schema(answer.text)


async def _ask(
    router: Router, lane: str, request: ChatRequest, failures: list[str]
) -> ChatResponse | None:
    try:
        return await collect_response(router.stream(lane, request, timeouts=_TIMEOUTS))
    except ProviderError as error:
        failures.append(str(error))
        return None


def is_right_call(calls: Sequence[ToolCall], city: str) -> bool:
    """Return whether these are one call of the tool, with the city and nothing else."""
    if len(calls) != 1 or calls[0].rejection is not None or calls[0].name != _TOOL.name:
        return False
    try:
        arguments = json.loads(calls[0].arguments)
    except (ValueError, RecursionError):
        return False
    named = arguments.get("city") if isinstance(arguments, dict) and len(arguments) == 1 else None
    return isinstance(named, str) and city.lower() in named.lower()


def follows_schema(text: str) -> bool:
    """Return whether an answer is JSON with one whole number named `sum`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and set(value) == {"sum"} and type(value["sum"]) is int


def describe_measurement(found: Measurement) -> str:
    """Return a sentence about a measurement."""
    measured = found.measured
    tries = ", ".join(f"{count} of {_TRIES} as {mode}" for mode, count in found.right_calls.items())
    schema = {True: "follows a schema", False: "does not follow a schema", None: "schema unknown"}
    return (
        f"first token after {measured.first_token_s:.2f} s, {measured.tokens_per_s:.1f} tokens/s, "
        f"{found.together_tokens_per_s:.1f} with {PARALLEL} answers at once; right calls of a "
        f"tool: {tries}; {schema[measured.follows_schema]}"
    )
