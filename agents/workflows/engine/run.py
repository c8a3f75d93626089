"""The run of a workflow: everything that it may ask for and know."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, TypeVar, overload

from pydantic import BaseModel, JsonValue
from pydantic_core import PydanticSerializationError, to_jsonable_python

from agents.sandbox.report import Report
from agents.workflows.engine import readers
from agents.workflows.engine.definition import (
    check_event_name,
    check_step_key,
    check_time,
    list_mapping,
    read_params,
)
from agents.workflows.engine.errors import DeadlinePassed, StepFailed, WorkflowInvalid
from agents.workflows.engine.replay import Replay
from agents.workflows.engine.values import (
    Again,
    Answer,
    Approval,
    LastStep,
    Result,
    TaskOutcome,
)
from agents.workflows.engine.work import (
    AllOf,
    Branch,
    FirstOf,
    SettledOf,
    Step,
    StepGroup,
    Work,
    check_members,
)
from agents.workflows.step_params import EXTRACT_CODE
from protocol.records import TaskBrief
from protocol.records.flows import StepKind

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
M = TypeVar("M", bound=BaseModel)


class Run:
    """One task in the hands of its workflow."""

    def __init__(self, replay: Replay, notes: Sequence[str]) -> None:
        self._replay = replay
        self._notes = tuple(notes)
        self._models: dict[type[BaseModel], BaseModel] = {}

    # The task

    @property
    def brief(self) -> TaskBrief:
        """The task: its id, owner, budget, deadline and what else is known of it."""
        return self._replay.task

    @property
    def prompt(self) -> str:
        """The request, in the words of the person."""
        return self._replay.task.prompt

    @property
    def params(self) -> Mapping[str, JsonValue]:
        """The task's params."""
        return list_mapping(self._replay.task.params)

    @property
    def notes(self) -> Sequence[str]:
        """Notes about the params, for the result."""
        return self._notes

    def params_as(self, model: type[M]) -> M:
        """Return the params as a model of pydantic. Raises InvalidTask."""
        found = self._models.get(model)
        if not isinstance(found, model):
            found = self._models[model] = read_params(self.brief.params, model)
        return found

    @property
    def now(self) -> datetime:
        """The end of the last step that was awaited, at first the start of the task."""
        return self._replay.current.now

    @property
    def random(self) -> Random:
        """Random numbers, the same in every replay; each branch has its own."""
        return self._replay.random

    @property
    def budget_left(self) -> Decimal | None:
        """Dollars that the awaited steps have left of the budget; None if there is no budget."""
        budget = self.brief.budget_usd
        return None if budget is None else budget - self._replay.spent

    # Steps

    @overload
    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: type[M],
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> Step[M]: ...

    @overload
    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: None = None,
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> Step[Answer]: ...

    def ask(
        self,
        key: str,
        prompt: str,
        *,
        schema: type[BaseModel] | None = None,
        model: str | None = None,
        role: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        effort: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
        language: str | None = None,
        answer: bool = False,
        not_by: Sequence[Answer | str] = (),
        after: Sequence[Answer | str] = (),
        with_history: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> Step[Any]:
        """Ask one model.

        `model` names it; without, it is chosen for the task and `role` (such as `coding` or
        `reviewer`). `language` asks for code. `not_by` excludes the makers of answers; `after`
        names answers that failed, for statistics. With `schema` the value is data that fits that
        model of pydantic; an answer that does not fit raises StepFailed of class
        `invalid_answer`. The text of steps with `answer` is shown as the task's text.
        """
        given: object = prompt
        if not isinstance(given, str):
            raise WorkflowInvalid(f"the prompt of step {key!r} is {type(given).__name__}, no text")
        request = {
            "prompt": prompt,
            "model": model,
            "role": role,
            "system": system,
            "messages": None if messages is None else [dict(each) for each in messages],
            "schema": None if schema is None else readers.describe_schema(schema),
            "effort": effort,
            "temperature": temperature,
            "max_output_tokens": max_output_tokens,
            "language": language,
            "not_by": readers.list_models(not_by),
            "with_history": with_history,
            "params": {**({EXTRACT_CODE: True} if language else {}), **(params or {})},
        }
        if after:
            request["after"] = readers.list_models(after)
        if schema is None:
            return self._describe(
                "ask", key, request, readers.read_answer, role=role, answer=answer
            )

        read = partial(readers.read_data, model=schema)
        return self._describe("ask", key, request, read, role=role, answer=answer)

    def check(
        self,
        key: str,
        *,
        files: Mapping[str, str],
        tests: str | Mapping[str, str] | None = None,
        command: str | None = None,
        language: str = "python",
        limits: object | None = None,
        judges: Answer | None = None,
        **more: str | None,
    ) -> Step[Report]:
        """Run code with its tests or by `command`; `against="stub"` runs tests without the code.

        `judges` is the answer that the report counts for when models are selected; `tests_by`
        names the model that wrote the tests, which then count for less.
        """
        request: dict[str, Any] = {
            "language": language,
            "files": dict(files),
            "tests": dict(tests) if isinstance(tests, Mapping) else tests,
            "command": command,
            "limits": asdict(limits)
            if is_dataclass(limits) and not isinstance(limits, type)
            else limits,
            **{name: value for name, value in more.items() if value is not None},
            **({"judges": judges.step} if judges else {}),
        }
        return self._describe("check", key, request, readers.read_report)

    def approve(
        self, key: str, question: str, *, show: JsonValue = None, by: str | None = None
    ) -> Step[Approval]:
        """Wait for a person's decision; `show` is what it is about, `by` whose it is."""
        request = {"question": question, "show": show, "by": by}
        return self._describe("approve", key, request, readers.read_approval)

    def sleep_until(self, key: str, when: datetime) -> Step[None]:
        """Wait until a time."""
        check_time(f"step {key!r}", when)
        return self._describe("sleep", key, {"until": when.isoformat()}, readers.read_nothing)

    def event(self, key: str, name: str) -> Step[JsonValue]:
        """Wait for an event of this name; the value is its payload."""
        return self._describe("event", key, {"name": check_event_name(name)}, readers.read_event)

    def task(
        self,
        key: str,
        type_: str,
        prompt: str,
        params: Mapping[str, JsonValue] | None = None,
        budget_usd: Decimal | float | None = None,
    ) -> Step[TaskOutcome]:
        """Run a child task and wait for its result."""
        request = {
            "type": type_,
            "prompt": prompt,
            "params": dict(params or {}),
            "budget_usd": None if budget_usd is None else str(budget_usd),
        }
        return self._describe("task", key, request, readers.read_outcome)

    # Several at once

    @overload
    def all(self, one: Work[T1], /) -> StepGroup[tuple[T1]]: ...
    @overload
    def all(self, one: Work[T1], two: Work[T2], /) -> StepGroup[tuple[T1, T2]]: ...
    @overload
    def all(
        self, one: Work[T1], two: Work[T2], three: Work[T3], /
    ) -> StepGroup[tuple[T1, T2, T3]]: ...
    @overload
    def all(
        self, one: Work[T1], two: Work[T2], three: Work[T3], four: Work[T4], /
    ) -> StepGroup[tuple[T1, T2, T3, T4]]: ...
    @overload
    def all(
        self, one: Work[T1], two: Work[T2], three: Work[T3], four: Work[T4], five: Work[T5], /
    ) -> StepGroup[tuple[T1, T2, T3, T4, T5]]: ...
    @overload
    def all(self, *works: Work[T]) -> StepGroup[tuple[T, ...]]: ...

    def all(self, *works: Work[Any]) -> StepGroup[Any]:
        """Wait for all and return their values.

        If some fail, the failure that was first is raised, after all have ended.
        """
        return self._group(AllOf(self._replay, works))

    def settled(self, *works: Work[T]) -> StepGroup[list[T | StepFailed]]:
        """Wait for all and return the value or the failure of each."""
        return self._group(SettledOf(self._replay, works))

    def first(self, *works: Work[T]) -> StepGroup[tuple[Work[T], T]]:
        """Wait for the first success and return it with its value; the others are cancelled.

        If all fail, the failure that was first is raised.
        """
        if not works:
            raise WorkflowInvalid("run.first needs at least one step")
        return self._group(FirstOf(self._replay, works))

    def branch(self, name: str, coroutine: Coroutine[Any, Any, T]) -> Branch[T]:
        """Make a coroutine a part that runs beside others.

        The keys of its steps become `name/key`, and are numbered in it.
        """
        branch = Branch(self._replay, coroutine)
        try:
            self._replay.describe(branch, check_step_key(name))
        except BaseException:
            coroutine.close()
            raise
        return branch

    # Ends

    def hand_over(self, step: Step[Answer]) -> LastStep:
        """End the task with one more step, whose output becomes the result: `return` this."""
        if step.is_begun or step.is_done:
            raise WorkflowInvalid(f"step {step.key!r} has begun, so the task cannot end with it")
        if self._replay.deadline_passed:
            raise DeadlinePassed(step.key)
        return LastStep(step)

    def again(
        self,
        at: datetime | None = None,
        params: Mapping[str, JsonValue] | None = None,
        result: Result | str | None = None,
    ) -> Again:
        """End the task, and start the next one of its kind at a time: `return` this."""
        if at is not None:
            check_time("run.again", at)
        text = Result(result) if isinstance(result, str) else result
        return Again(at=at, params=params, result=text)

    # Decisions

    def ladder(self, role: str) -> tuple[str, ...]:
        """Return models for a role, in the order in which to try them."""
        return readers.read_models(self.decide("ladder", role=role))

    def different_models(self, count: int, role: str | None = None) -> tuple[str, ...]:
        """Return up to `count` models of different makers."""
        return readers.read_models(self.decide("different_models", count=count, role=role))

    def team(self) -> tuple[str, ...]:
        """Return the models that answer together, if the task's policy wants that; else none."""
        return readers.read_models(self.decide("team"))

    def has_sandbox(self, language: str) -> bool:
        """Return whether code in this language can be run."""
        decision = self.decide("sandbox", language=language)
        return isinstance(decision, dict) and decision.get("available") is True

    def decide(self, kind: str, **arguments: JsonValue) -> JsonValue:
        """Return a decision that depends on the world; it is made once and recorded."""
        values = [str(each) for each in arguments.values() if each is not None]
        name = ":".join([kind, *values])
        return self._replay.decide(check_step_key(name), kind, arguments)

    def _describe(
        self,
        kind: StepKind,
        key: str,
        request: dict[str, Any],
        read: Any,
        *,
        role: str | None = None,
        answer: bool = False,
    ) -> Step[Any]:
        try:
            asked = to_jsonable_python(request)
        except PydanticSerializationError as error:
            raise WorkflowInvalid(
                f"step {key!r} asks for something that is no JSON: {error}"
            ) from None
        step: Step[Any] = Step(
            self._replay, kind=kind, request=asked, read=read, role=role, answer=answer
        )
        self._replay.describe(step, check_step_key(key))
        return step

    def _group(self, group: StepGroup[T]) -> StepGroup[T]:
        check_members(group.members)
        self._replay.describe(group)
        return group
