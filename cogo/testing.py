"""Play a workflow against scripted answers, without a server, a model or a clock.

In a test with pytest::

    from cogo.testing import play

    def test_a_failing_draft_is_repaired() -> None:
        played = play(
            generate, prompt="Write f.", answers={"draft": ["1/0", "1"], "check": [False, True]}
        )
        assert played.text == "1"
        assert [each.key for each in played.steps] == ["draft", "check", "draft#2", "check#2"]

Every advance is computed twice and compared, so a workflow that is not deterministic fails.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from agents.tools.worker import ToolWorker
from agents.workflows.engine import (
    Advance,
    DecisionRequest,
    Finished,
    FlowFailed,
    HandedOver,
    NeedsDecisions,
    NeedsOutput,
    Repeats,
    StepRequest,
    Suspended,
    Workflow,
    advance,
)
from agents.workflows.hosting.memory_record import MemoryRecord
from cogo.scripted_answers import build_output, fail_with, run_call, suggest_answer
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord

__all__ = [
    "Answers", "NotDeterministic", "PlayFailed", "Played", "Unanswered", "World", "fail_with",
    "play", "play_every_order", "suggest_answer",
]  # fmt: skip

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""The time at which a played task starts; each step ends a minute after the one before."""
MODELS: Final = ("model-a", "model-b", "model-c", "model-d")
"""Models of `run.ladder`, `run.different_models` and `run.panel`, unless the script has others."""
MAX_ORDERS: Final = 1_000

Choose = Callable[[Sequence[str]], str]
Answers = Mapping[str, Any] | Callable[[StepRequest], Any]


class Unanswered(Exception):
    """The script has no answer for a step; the message says how to write it."""

    def __init__(self, request: StepRequest) -> None:
        super().__init__(
            f"the script has no answer for step {request.key!r} ({request.kind}); add to it: "
            f"{request.key!r}: {suggest_answer(request)!r}"
        )
        self.request = request


class NotDeterministic(Exception):
    """Two replays of the same record differ."""


class PlayFailed(Exception):
    """The workflow has failed, so it has no result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """How a workflow was played."""

    outcome: Advance
    """The last answer of the workflow: how it has ended."""
    steps: Sequence[StepRequest]
    """All steps, in the order in which they were asked for."""
    suspensions: Sequence[Suspended]
    record: FlowRecord
    """The record at the end."""
    text: str | None
    """The text of the result; None if it has failed."""
    output: Mapping[str, Any]
    """The whole result."""

    @property
    def failure(self) -> FlowFailed | None:
        """The failure of the workflow, or None."""
        return self.outcome if isinstance(self.outcome, FlowFailed) else None

    def expect_text(self) -> str:
        """Return the text of the result. Raises PlayFailed."""
        if self.text is None:
            raise PlayFailed(str(self.failure and self.failure.message))
        return self.text


def play(
    workflow: Workflow,
    *,
    prompt: str = "Do it.",
    params: Mapping[str, JsonValue] | None = None,
    answers: Answers | None = None,
    decisions: Mapping[str, Any] | None = None,
    budget_usd: Decimal | float | None = None,
    order: Sequence[str] = (),
    choose: Choose | None = None,
    watch: Callable[[Advance], None] | None = None,
    call_tools: bool = False,
) -> Played:
    """Play a workflow to its end and return how it went.

    `answers` has an answer for each key of a step, or a list of them for `draft`, `draft#2` ...:

    - for `ask` and `task` the text, or the whole output (`text`, `code`, `files`, `cost_usd` ...);
      from the text of an `ask` with a language code is extracted, as executors do; for one with
      a schema the data;
    - for `check` True, False, a verdict such as `timeout`, or a report;
    - for `call` what the function returns; with `call_tools`, calls that the script does not answer
      run the real function;
    - for `approve` True or False, or `{"approved", "comment", "by"}`; for `event` the payload;
    - for any of them `fail_with(error_class, message)`, or a function of the StepRequest.

    It may also be one function of the StepRequest for all of them.

    `decisions`: models of `ladder:coding`, the `policy`, if there is a `sandbox:python`; `ladder`
    and `sandbox` are those of every role and language. Steps end in the order in which they were
    asked for; those in `order` end before all others.
    """
    budget = None if budget_usd is None else Decimal(str(budget_usd))
    task = TaskBrief(
        id=UUID(int=1),
        type=workflow.type,
        prompt=prompt,
        params=dict(params or {}),
        budget_usd=budget,
    )
    given = {} if answers is None else answers
    world = World(workflow, task, given, decisions or {}, call_tools=call_tools)
    return world.run(choose or _follow(order), watch)


def play_every_order(workflow: Workflow, **script: Any) -> Iterator[Played]:
    """Play a workflow once for each order in which its steps can end; arguments as `play`.

    Raises ValueError if there are more than MAX_ORDERS.
    """
    orders = _Orders()
    for _ in range(MAX_ORDERS):
        yield play(workflow, choose=orders.choose, **script)
        if not orders.advance():
            return
    raise ValueError(f"its steps can end in more than {MAX_ORDERS} orders")


class _Orders:
    """All sequences of choices, one round after the other."""

    def __init__(self) -> None:
        self._choices: list[int] = []
        self._options: list[int] = []

    def choose(self, keys: Sequence[str]) -> str:
        """Return the key that is next in this round."""
        number = len(self._options)
        self._options.append(len(keys))
        if number == len(self._choices):
            self._choices.append(0)
        return keys[self._choices[number]]

    def advance(self) -> bool:
        """Begin the next round; return False if there is none."""
        while self._choices and self._choices[-1] + 1 >= self._options[len(self._choices) - 1]:
            self._choices.pop()
        self._options.clear()
        if not self._choices:
            return False
        self._choices[-1] += 1
        return True


class World:
    """What the database and the agents do for a workflow: keep its record and end its steps."""

    def __init__(
        self,
        workflow: Workflow,
        task: TaskBrief,
        answers: Answers,
        decisions: Mapping[str, Any],
        *,
        call_tools: bool = False,
    ) -> None:
        self.workflow = workflow
        self.task = task
        self.record = MemoryRecord(first_claimed_at=START)
        self.suspensions: list[Suspended] = []
        self._answers = answers
        self._decisions = decisions
        self._tools = ToolWorker() if call_tools else None

    def run(self, choose: Choose, watch: Callable[[Advance], None] | None = None) -> Played:
        """Advance the workflow, and end steps in the order of `choose`, until it has ended."""
        while True:
            outcome = self.advance()
            if watch is not None:
                watch(outcome)
            if not isinstance(outcome, Suspended):
                return self._conclude(outcome)
            self.suspensions.append(outcome)
            self.record.suspend(outcome)
            while not self.record.is_woken:
                if not (keys := self.record.list_open()):
                    raise NotDeterministic("it waits for steps that have ended")
                self.end(choose(keys))

    def advance(self) -> Advance:
        """Return the answer of the workflow, with the decisions that it needs."""
        while True:
            record = self.record.build_lease()
            outcome = advance(self.workflow, self.task, record)
            again = advance(self.workflow, self.task, record)
            if outcome != again:
                raise NotDeterministic(f"one replay answers {outcome}, another one {again}")
            match outcome:
                case NeedsDecisions(requests=requests):
                    self.record.decisions |= {each.key: self._decide(each) for each in requests}
                case NeedsOutput(keys=keys):
                    raise NotDeterministic(f"the outputs of {keys} are there and were not read")
                case _:
                    return outcome

    def end(self, key: str) -> None:
        """End a step with its scripted answer."""
        request = self.record.requests[key]
        answer = self._find_answer(request)
        cost = answer.pop("cost_usd", None)
        model = request.request.get("model")
        self.record.end(
            key,
            at=START + timedelta(minutes=self.record.ends + 1),
            output=answer,
            error=answer.get("error"),
            model=model if isinstance(model, str) else None,
            cost_usd=None if cost is None else Decimal(str(cost)),
        )

    def _conclude(self, outcome: Advance) -> Played:
        text: str | None = None
        output: dict[str, Any] = {}
        match outcome:
            case Finished() | Repeats():
                text, output = outcome.text, {"text": outcome.text, **outcome.output}
            case HandedOver(step=step):
                self.record.requests[step.key] = step
                output = self._find_answer(step)
                text = None if "error" in output else str(output.get("text", ""))
        return Played(
            outcome=outcome,
            steps=list(self.record.requests.values()),
            suspensions=self.suspensions,
            record=self.record.build_lease(),
            text=text,
            output=output,
        )

    def _find_answer(self, request: StepRequest) -> dict[str, Any]:
        """Return the scripted output of a step, or `{"error": ...}`. Raises Unanswered."""
        if request.kind == "sleep":
            return {}
        answers, key = self._answers, request.key
        if not isinstance(answers, Mapping):
            return build_output(request, answers(request))
        base, _, number = key.rpartition("#") if "#" in key.rpartition("/")[2] else (key, "", "1")
        if key in answers and not isinstance(answers[key], list | tuple):
            answer = answers[key]
        elif isinstance(answers.get(base), list | tuple) and int(number) <= len(answers[base]):
            answer = answers[base][int(number) - 1]
        elif self._tools is not None and request.kind == "call":
            return run_call(self._tools, request)
        else:
            raise Unanswered(request)
        return build_output(request, answer(request) if callable(answer) else answer)

    def _decide(self, request: DecisionRequest) -> JsonValue:
        answer = self._decisions.get(request.key, self._decisions.get(request.kind))
        if isinstance(answer, Mapping):
            return dict(answer)
        if request.kind == "policy":
            return str(answer or "auto")
        if request.kind in {"embedding", "memory", "rerank"}:
            return {"model": str(answer or request.arguments.get("model") or "scripted")}
        if request.kind == "sandbox":
            return {"available": answer is not False, "backend": "script"}
        if request.kind == "panel":
            roles = request.arguments.get("roles")
            seats = zip(roles if isinstance(roles, list) else [], answer or MODELS, strict=False)
            return {"models": [{"role": role, "model": m, "maker": m} for role, m in seats]}
        if answer is None:
            count = request.arguments.get("count")
            most = count if isinstance(count, int) else 3
            answer = () if request.kind == "team" else MODELS[:most]
        return {"models": [{"model": each, "maker": each, "reason": "scripted"} for each in answer]}


def _follow(order: Sequence[str]) -> Choose:
    def choose(keys: Sequence[str]) -> str:
        return next((each for each in order if each in keys), keys[0])

    return choose
