"""A tool loop whose process may die before each of its effects."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.executor.tool_loop.moves import (
    AskModel,
    AwaitPeople,
    CallReply,
    CallRun,
    GiveModelUp,
    HandToCaller,
    RunCalls,
    plan_move,
)
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.results import build_reply, build_result
from agents.executor.tool_loop.state import LoopState, read_loop_state
from agents.tools.params import ClientTool, ToolLimits
from agents.tools.toolbox import OfferedTool, ToolOutput
from protocol.records import StoredTurn
from providers.chat import CallRejection, Message, ToolCall
from providers.chat_json import write_message
from providers.secrets import Redactor

LIMITS = ToolLimits()


def offered(name: str, **options: Any) -> OfferedTool:
    return OfferedTool(
        name=name,
        call_name=name.rpartition(":")[2],
        description="",
        parameters={"type": "object"},
        source="function",
        **options,
    )


OFFER = LoopOffer(
    tools={
        "read": offered("shop.read", is_idempotent=True),
        "pay": offered("shop.pay"),
        "ship": offered("shop.ship", needs_approval=True),
        "ask_person": offered("cogo:ask_person"),
    },
    client={"theirs": ClientTool(name="theirs")},
)
REJECTED = {"!": "malformed", "~": "truncated"}
"""How the names of calls end that the adapter has rejected."""
NAMES = [*OFFER.tools, "theirs", "unknown", "read!", "theirs!", "pay~"]


class Killed(Exception):
    """The process has died."""


@dataclass
class World:
    """Everything outside of the process: the model, tools, persons and the database."""

    script: list[list[tuple[str, str]]]
    """The calls of each answer, by name and arguments; after them the model says the end.

    An answer without calls announces one.
    """
    kills: list[int]
    """The numbers of the effects before which the process dies."""
    stored: list[StoredTurn] = field(default_factory=list)
    asked: Counter[int] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    effects: int = 0
    deaths_after_asking: int = 0

    def act(self) -> None:
        self.effects += 1
        if self.effects in self.kills:
            raise Killed

    def store(self, kind: str, body: dict[str, Any]) -> None:
        self.act()
        seq = len(self.stored) + 1
        self.stored.append(StoredTurn(seq=seq, kind=kind, attempt=1, body=body))

    def ask(self, state: LoopState) -> list[tuple[str, str]] | None:
        place = len(state.turns)
        self.act()
        self.asked[place] += 1
        return self.script[place] if place < len(self.script) else None


def reject(name: str) -> CallRejection | None:
    reason: Any = REJECTED.get(name[-1:])
    return CallRejection(reason=reason, detail="it is wrong") if reason else None


def answer(place: int, calls: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
    message = Message(
        role="assistant",
        content=f"turn {place}",
        tool_calls=tuple(
            ToolCall(
                id=f"call-{place}-{n}",
                name=name.rstrip("!~"),
                arguments=arguments,
                rejection=reject(name),
            )
            for n, (name, arguments) in enumerate(calls)
        ),
    )
    return {"message": write_message(message), "usage": None, "finish_reason": "tool_calls"} | more


def live_once(world: World) -> str:
    """Run one process until its end. Raises Killed."""
    while True:
        state = read_loop_state(world.stored)
        move = plan_move(state, OFFER, LIMITS)
        match move:
            case AskModel(limit=limit):
                if (end := _ask(world, state, limit)) is not None:
                    return end
            case RunCalls(replies=replies, runs=runs):
                _run(world, replies, runs)
            case AwaitPeople(questions=questions):
                world.act()
                for each in questions:
                    body = {"call_id": each.call_id, "approved": len(each.call_id) % 2 == 0}
                    seq = len(world.stored) + 1
                    world.stored.append(StoredTurn(seq=seq, kind="approval", attempt=1, body=body))
            case HandToCaller(turn=turn):
                return "calls of " + str(turn.message.content)
            case GiveModelUp():
                return "another model"


def _ask(world: World, state: LoopState, limit: str | None) -> str | None:
    """Ask the model and store its answer; return the end if it is the last one."""
    calls = world.ask(state)
    if limit is not None or calls is None:
        return "text"
    if not calls and any(each.intent for each in state.turns):
        return "announcement"
    more = {} if calls else {"intent": "read"}
    try:
        world.store("answer", answer(len(state.turns), calls, **more))
    except Killed:
        world.deaths_after_asking += 1
        raise
    return None


def _run(world: World, replies: Sequence[CallReply], runs: Sequence[CallRun]) -> None:
    for reply in replies:
        world.store("result", build_reply(reply))
    for run in runs:
        if not run.tool.is_idempotent:
            world.store("begun", {"call_id": run.call.key, "tool": run.tool.name})
    for run in runs:
        world.act()
        world.ran[run.call.key] += 1
        world.store("result", give_result(run))


def give_result(run: CallRun) -> dict[str, Any]:
    return build_result(run.call, run.tool.name, ToolOutput(content="done"), 0.1, Redactor())


def live(world: World) -> str:
    while True:
        try:
            return live_once(world)
        except Killed:
            continue
