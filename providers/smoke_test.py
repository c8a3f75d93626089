"""Trying a provider for real: its list, an answer, a stream, a tool call; each on its own."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from providers.adapters.base import Timeouts
from providers.catalogue.deployment import Deployment
from providers.chat import (
    ChatRequest,
    Event,
    Message,
    ReasoningDelta,
    TextDelta,
    Tool,
    Usage,
    complete,
)
from providers.errors import MalformedResponse, ProviderError
from providers.router import Router

__all__ = ["STEPS", "Trial", "try_model"]

STEPS: Final = ("list", "chat", "stream", "tool call")
_OUTPUT: Final = 2048
"""Tokens; some models think before they say one word."""
_WEATHER: Final = Tool(
    name="get_weather",
    description="The weather in a city today",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "Name of the city"}},
        "required": ["city"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one step went."""

    step: str
    ok: bool | None
    """`None`: not tried, and `detail` says why."""
    detail: str
    seconds: float = 0.0
    cost_usd: Decimal | None = None
    """`None` where nothing was bought or no price is known."""


_Outcome: TypeAlias = tuple[str, Decimal | None]


async def try_model(
    router: Router, deployment: Deployment, *, timeouts: Timeouts | None = None
) -> AsyncIterator[Trial]:
    """Try the steps one after the other; a step that fails does not stop the rest."""
    bench = _Bench(router, deployment, timeouts or Timeouts())
    tools = deployment.model.takes_tools
    steps: Sequence[tuple[str, Callable[[], Awaitable[_Outcome]] | None]] = (
        ("list", bench.list),
        ("chat", bench.chat),
        ("stream", bench.stream),
        ("tool call", bench.call_tool if tools is not False else None),
    )
    for name, step in steps:
        if step is None:
            yield Trial(step=name, ok=None, detail="the model takes no tools")
            continue
        begun = time.monotonic()
        try:
            detail, cost = await step()
        except ProviderError as error:
            spent = time.monotonic() - begun
            yield Trial(step=name, ok=False, detail=f"{error.code}: {error}", seconds=spent)
        else:
            spent = time.monotonic() - begun
            yield Trial(step=name, ok=True, detail=detail, seconds=spent, cost_usd=cost)


class _Bench:
    def __init__(self, router: Router, deployment: Deployment, timeouts: Timeouts) -> None:
        self._router = router
        self._place = deployment
        self._timeouts = timeouts

    async def list(self) -> _Outcome:
        listed = await self._router.list_models(self._place.provider)
        named = any(model.id == self._place.provider_model for model in listed)
        return f"{len(listed)} models, {'with' if named else 'without'} this one", None

    async def chat(self) -> _Outcome:
        answer = await complete(self._events(_request("Reply with the one word: pong")))
        if not (answer.text or answer.reasoning):
            raise MalformedResponse(self._place.provider, "the answer is empty")
        said = " ".join(answer.text.split())
        shown = said if len(said) <= 40 else f"{said[:39]}…"
        return f'"{shown}"', self._cost(answer.usage)

    async def stream(self) -> _Outcome:
        begun, first, pieces = time.monotonic(), None, 0
        usage: Usage | None = None
        prompt = "Count from 1 to 30, with commas between the numbers"
        async for event in self._events(_request(prompt)):
            if isinstance(event, TextDelta | ReasoningDelta):
                first = first or time.monotonic() - begun
                pieces += 1
            elif isinstance(event, Usage):
                usage = event
        if first is None:
            raise MalformedResponse(self._place.provider, "nothing was streamed")
        return f"{pieces} pieces, the first after {first:.2f} s", self._cost(usage)

    async def call_tool(self) -> _Outcome:
        request = _request("Use get_weather to look up the weather in Zurich.", tools=(_WEATHER,))
        answer = await complete(self._events(request))
        if not answer.tool_calls:
            raise MalformedResponse(self._place.provider, "the model did not call the tool")
        call = answer.tool_calls[0]
        try:
            arguments = json.loads(call.arguments)
        except ValueError as error:
            vendor = self._place.provider
            raise MalformedResponse(vendor, "the arguments of the call are no JSON") from error
        return f"{call.name}({json.dumps(arguments)})", self._cost(answer.usage)

    def _events(self, request: ChatRequest) -> AsyncIterator[Event]:
        return self._router.stream(self._place.model.id, request, timeouts=self._timeouts)

    def _cost(self, usage: Usage | None) -> Decimal | None:
        found = None if usage is None else self._router.cost(usage, self._place)
        return found.usd if found else None


def _request(prompt: str, *, tools: tuple[Tool, ...] = ()) -> ChatRequest:
    return ChatRequest(
        model="",
        messages=(Message(role="user", content=prompt),),
        max_output_tokens=_OUTPUT,
        tools=tools,
    )
