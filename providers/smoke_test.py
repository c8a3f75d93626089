"""Smoke test of a real deployment: list of models, answer, stream and tool call, separately."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from providers.adapters.base import Timeouts
from providers.catalogue.deployment import Deployment
from providers.chat import ChatRequest, Event, Message, ReasoningDelta, TextDelta, TokenUsage, Tool
from providers.chat_response import collect_response
from providers.errors import MalformedResponse, ProviderError
from providers.router import Router

STEPS: Final = ("list", "chat", "stream", "tool call")
_OUTPUT: Final = 2048
"""Tokens; some models reason before they answer."""
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
class StepResult:
    """Result of one step."""

    step: str
    ok: bool | None
    """None if skipped; `detail` has the reason."""
    detail: str
    seconds: float = 0.0
    cost_usd: Decimal | None = None
    """None if the step is free or its price is unknown."""


_Result: TypeAlias = tuple[str, Decimal | None]


async def run_smoke_test(
    router: Router, deployment: Deployment, *, timeouts: Timeouts | None = None
) -> AsyncIterator[StepResult]:
    """Run all steps, even after a failure, and yield their results."""
    test = _SmokeTest(router, deployment, timeouts or Timeouts())
    has_tools = deployment.model.takes_tools is not False or deployment.host.wire.text_calls
    steps: Sequence[tuple[str, Callable[[], Awaitable[_Result]] | None]] = (
        ("list", test.list),
        ("chat", test.chat),
        ("stream", test.stream),
        ("tool call", test.call_tool if has_tools else None),
    )
    for name, step in steps:
        if step is None:
            yield StepResult(step=name, ok=None, detail="the model does not accept tools")
            continue
        begun = time.monotonic()
        try:
            detail, cost = await step()
        except ProviderError as error:
            spent = time.monotonic() - begun
            yield StepResult(step=name, ok=False, detail=f"{error.code}: {error}", seconds=spent)
        else:
            spent = time.monotonic() - begun
            yield StepResult(step=name, ok=True, detail=detail, seconds=spent, cost_usd=cost)


class _SmokeTest:
    def __init__(self, router: Router, deployment: Deployment, timeouts: Timeouts) -> None:
        self._router = router
        self._deployment = deployment
        self._timeouts = timeouts

    async def list(self) -> _Result:
        listed = await self._router.list_models(self._deployment.provider)
        is_listed = any(model.id == self._deployment.own_id for model in listed)
        return f"{len(listed)} models, {'with' if is_listed else 'without'} this one", None

    async def chat(self) -> _Result:
        answer = await collect_response(self._events(_request("Reply with the one word: pong")))
        if not (answer.text or answer.reasoning):
            raise MalformedResponse(self._deployment.provider, "the answer is empty")
        text = " ".join(answer.text.split())
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        return f'"{shown}"', self._cost(answer.usage)

    async def stream(self) -> _Result:
        begun, first, pieces = time.monotonic(), None, 0
        usage: TokenUsage | None = None
        prompt = "Count from 1 to 30, with commas between the numbers"
        async for event in self._events(_request(prompt)):
            if isinstance(event, TextDelta | ReasoningDelta):
                first = first or time.monotonic() - begun
                pieces += 1
            elif isinstance(event, TokenUsage):
                usage = event
        if first is None:
            raise MalformedResponse(self._deployment.provider, "nothing was streamed")
        return f"{pieces} pieces, the first after {first:.2f} s", self._cost(usage)

    async def call_tool(self) -> _Result:
        request = _request("Use get_weather to look up the weather in Zurich.", tools=(_WEATHER,))
        answer = await collect_response(self._events(request))
        if not answer.tool_calls:
            raise MalformedResponse(self._deployment.provider, "the model did not call the tool")
        call = answer.tool_calls[0]
        if call.rejection is not None:
            raise MalformedResponse(self._deployment.provider, call.rejection.detail)
        try:
            arguments = json.loads(call.arguments)
        except ValueError as error:
            vendor = self._deployment.provider
            raise MalformedResponse(vendor, "the arguments of the call are not JSON") from error
        return f"{call.name}({json.dumps(arguments)})", self._cost(answer.usage)

    def _events(self, request: ChatRequest) -> AsyncIterator[Event]:
        return self._router.stream(self._deployment.model.id, request, timeouts=self._timeouts)

    def _cost(self, usage: TokenUsage | None) -> Decimal | None:
        found = None if usage is None else self._router.calculate_cost(usage, self._deployment)
        return found.usd if found else None


def _request(prompt: str, *, tools: tuple[Tool, ...] = ()) -> ChatRequest:
    return ChatRequest(
        model="",
        messages=(Message(role="user", content=prompt),),
        max_output_tokens=_OUTPUT,
        tools=tools,
    )
