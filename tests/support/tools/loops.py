"""An executor with tools, whose model follows a script."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from agents.tools.toolbox import OfferedTool, Toolbox, ToolContext, ToolOutput
from protocol.records import ClaimedSubtask
from providers.chat import (
    CallRejection,
    ChatRequest,
    Done,
    Event,
    FinishReason,
    TextDelta,
    TokenUsage,
    ToolCall,
)
from providers.prices import Cost
from providers.router import Call
from tests.support.agents.executor_harness import STOP, ExecutorHarness, FakeRouter
from tests.support.agents.subtasks import a_subtask

CALLS = Done(finish_reason=FinishReason.TOOL_CALLS, vendor_finish_reason="tool_calls")
TOKENS = TokenUsage(input=10, output=5)
LOCAL = "ollama/llama3"
CLIENT_ONLY = {
    "tools": None,
    "client_tools": [{"name": "theirs", "parameters": {"type": "object"}}],
}
"""Params of a loop whose tools are all the caller's."""


def says(text: str) -> list[Event | Exception]:
    return [TextDelta(text), TOKENS, STOP]


def calls(*named: str, done: Done = CALLS) -> list[Event | Exception]:
    """Return an answer with calls, each `ID NAME ARGUMENTS`."""
    found = [each.split(" ", 2) for each in named]
    return [
        *(ToolCall(id=id_, name=name, arguments=text) for id_, name, text in found),
        TOKENS,
        done,
    ]


def rejected(
    id_: str, name: str, reason: Any, raw: str = "{", detail: str = "A brace is open"
) -> ToolCall:
    """Return a call that an adapter has read from text and rejected."""
    why = CallRejection(reason=reason, detail=detail)
    return ToolCall(id=id_, name=name, arguments=raw, form="hermes", rejection=why)


def bad(number: int = 1, reason: Any = "malformed") -> list[Event | Exception]:
    """Return an answer whose only call is rejected."""
    return [rejected(f"bad{number}", "read", reason), TOKENS, CALLS]


def announces(tool: str) -> list[Event | Exception]:
    """Return an answer that announces a call and makes none."""
    return [TextDelta(f"I'll use {tool} with n=1."), TOKENS, replace(STOP, intent=tool)]


class ScriptedRouter(FakeRouter):
    """Gives one answer after the other."""

    def __init__(self, answers: Sequence[Sequence[Event | Exception]]) -> None:
        super().__init__([], cost=Cost(usd=Decimal("0.01"), source="test", checked_on=None))
        self.answers = list(answers)

    def call(self, model_id: str, request: ChatRequest, **options: Any) -> Call:
        self._says = self.answers[len(self.asked)]
        self._pause = self._says == []
        return super().call(model_id, request, **options)


@dataclass
class ShopTools:
    """Tools that do what a test says."""

    does: dict[str, Any] = field(default_factory=dict)
    ran: list[tuple[str, Mapping[str, Any], ToolContext]] = field(default_factory=list)
    hanging: asyncio.Event | None = None

    async def list_tools(self) -> Sequence[OfferedTool]:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
        flags: dict[str, dict[str, Any]] = {
            "read": {"is_idempotent": True},
            "pay": {},
            "ship": {"needs_approval": True},
        }
        return [
            OfferedTool(
                name=f"shop.{name}",
                call_name=name,
                description=f"to {name}",
                parameters=schema,
                source="function",
                **options,
            )
            for name, options in flags.items()
        ]

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        self.ran.append((name, arguments, context))
        if self.hanging is not None:
            self.hanging.set()
            await asyncio.Event().wait()
        given = self.does.get(name, "done")
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, ToolOutput) else ToolOutput(content=given)


class LoopHarness(ExecutorHarness):
    """An executor with tools and a model that follows a script."""

    def __init__(
        self, *answers: Sequence[Event | Exception], tools: ShopTools | None = None
    ) -> None:
        super().__init__()
        self.router = ScriptedRouter(answers)
        self.tools = tools or ShopTools()
        self.toolbox = Toolbox([self.tools])

    def kinds(self, claimed: ClaimedSubtask) -> list[str]:
        return [each.kind for each in self.store.turns.get(claimed.subtask_id, [])]


def a_loop(params: dict[str, Any] | None = None, **fields: Any) -> ClaimedSubtask:
    stated = {"generation_prompt": "Buy one", "tools": ["read", "pay", "ship"]} | (params or {})
    return a_subtask(type="CHAT", lane=LOCAL, params=stated, **fields)


def again(claimed: ClaimedSubtask, harness: LoopHarness, **fields: Any) -> ClaimedSubtask:
    """Return the next lease of a subtask."""
    turns = len(harness.store.turns.get(claimed.subtask_id, []))
    return claimed.model_copy(update={"attempt": claimed.attempt + 1, "turns": turns} | fields)
