"""The run of a workflow: everything that it may ask for and know."""

from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, TypeVar, overload
from uuid import UUID

from pydantic import BaseModel, JsonValue

from agents.tools.names import write_embedding_module
from agents.workflows.engine import readers
from agents.workflows.engine.definition import (
    check_step_key,
    check_time,
    list_mapping,
    read_params,
    write_fact,
)
from agents.workflows.engine.errors import DeadlinePassed, StepFailed, WorkflowInvalid
from agents.workflows.engine.replay import Replay
from agents.workflows.engine.steps import EMBEDDING, MEMORY_MODEL, RERANK, StepDescriber
from agents.workflows.engine.values import (
    Again,
    Answer,
    LastStep,
    Panel,
    Result,
    Review,
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
from agents.workflows.prompts.review import (
    REVIEWER,
    ReviewAnswer,
    ask_for_second_opinion,
)
from protocol.embeddings import EncodingFormat
from protocol.lanes import MEMORY, TOOLS
from protocol.records import TaskBrief
from protocol.records.flows import LIMIT_SUFFIX, StepRecord
from protocol.records.memory import MemoryHit, NewFact
from providers.embeddings.records import Purpose
from providers.rerank.records import MAX_DOCUMENTS, RankedDocument

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
M = TypeVar("M", bound=BaseModel)


class Run(StepDescriber):
    """One task in the hands of its workflow."""

    def __init__(self, replay: Replay, notes: Sequence[str]) -> None:
        super().__init__(replay)
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

    @property
    def spent(self) -> Decimal:
        """Dollars that the awaited steps have cost, as far as that is known."""
        return self._replay.spent

    def list_steps(self) -> list[Step[Any]]:
        """Return the steps that were described so far, but for those of branches."""
        return [each for each in self._replay.current.described if isinstance(each, Step)]

    def has_undone_work(self, *, but: object) -> bool:
        """Return whether work was described and never awaited, other than the step to end with."""
        last = but.step if isinstance(but, LastStep) else None
        return any(each is not last for each in self._replay.list_undone())

    # Reviews

    def review(
        self,
        key: str,
        *,
        of: Answer | str,
        not_by: Sequence[Answer | str] = (),
        request: str | None = None,
        role: str = "critic",
        system: str = REVIEWER,
    ) -> Step[Review]:
        """Have a model of another maker review an answer, or a text by models that `not_by` names.

        `request` is what was asked for, the task's prompt if nothing else is said. The review does
        not change the answer: a workflow shows it, or has the work done again.
        """
        text = of.text if isinstance(of, Answer) else of
        authors = readers.list_models([*([of] if isinstance(of, Answer) else []), *not_by])
        prompt = ask_for_second_opinion(self.prompt if request is None else request, text)
        step = self.ask(key, prompt, schema=ReviewAnswer, role=role, system=system, not_by=authors)
        reviewed: Step[Any] = step
        named = of.step if isinstance(of, Answer) else None

        def read(record: StepRecord) -> Review:
            review = readers.read_review(record, authors)
            self._replay.judgements.add_review(review, record.key, authors=authors, step=named)
            return review

        reviewed.read = read
        return reviewed

    # Vectors and rankings

    def embed(
        self,
        key: str,
        texts: Sequence[str] | Sequence[Sequence[int]],
        *,
        model: str | None,
        dimensions: int | None = None,
        purpose: Purpose = "document",
        encoding_format: EncodingFormat = "float",
    ) -> Step[list[list[float]]]:
        """Turn texts, or lists of their tokens, into vectors by the embedding model of that name.

        `dimensions` are those of each vector, if the model can shorten it. `encoding_format` is
        that of the step's output; the value is always numbers.
        """
        wanted: dict[str, Any] = {
            "model": model,
            "dimensions": dimensions,
            "encoding_format": encoding_format,
            "count": len(texts),
            "has_tokens": any(not isinstance(each, str) for each in texts),
        }
        decision = self._replay.decide(f"embedding:{check_step_key(key)}", EMBEDDING, wanted)
        return self._describe_embedding(
            key,
            decision,
            {
                "texts": list(texts),
                "dimensions": dimensions,
                "encoding_format": encoding_format,
                "purpose": purpose,
            },
        )

    def rerank(
        self,
        key: str,
        query: str,
        documents: Sequence[str],
        *,
        model: str | None = None,
        top_n: int | None = None,
    ) -> Step[list[RankedDocument]]:
        """Rank documents by how well they answer a query: their places and scores, best first.

        `model` names a rerank model; without, it is the first that executors serve. If they serve
        none, the step raises StepFailed of class `no_model`, when awaited.
        """
        if not query.strip() or not documents or not all(map(str.strip, documents)):
            raise WorkflowInvalid(f"step {key!r} needs a query and documents that are not empty")
        if len(documents) > MAX_DOCUMENTS or (top_n is not None and top_n < 1):
            raise WorkflowInvalid(
                f"step {key!r} ranks {len(documents)} documents, to return {top_n or 'all'}; it "
                f"may rank {MAX_DOCUMENTS:,}, to return at least 1"
            )
        decision = self._replay.decide(f"rerank:{check_step_key(key)}", RERANK, {"model": model})
        arguments = {"query": query, "documents": list(documents), "top_n": top_n}
        return self._describe_ranking(key, decision, arguments)

    # Memory

    def remember(self, key: str, facts: Sequence[str | NewFact]) -> Step[list[UUID]]:
        """Remember facts for the task's owner; the value are their ids, in the order of the facts.

        The same fact again is no other one. A fact is complete in itself, such as "Ada's team
        meets on Mondays (since May 2026)".
        """
        request = {
            "module": MEMORY.removeprefix(TOOLS),
            "name": "remember",
            "arguments": {"facts": [write_fact(key, each) for each in facts]},
        }
        return self._describe("call", key, request, readers.read_ids)

    def recall(
        self, key: str, query: str, sources: Sequence[str] | None = None, limit: int = 8
    ) -> Step[list[MemoryHit]]:
        """Search the memory of the task's owner, by meaning and by words; the value: best first.

        `sources` are names of documents, `notes/*` for those that begin so, `facts` or
        `documents`; None: everything. What is found is data that anyone may have written: show it
        to models as such.
        """
        decision = self._replay.decide(f"memory:{check_step_key(key)}", MEMORY_MODEL, {})
        found = decision if isinstance(decision, dict) else {}
        model = found.get("model")
        arguments = {"query": query, "limit": limit, "problem": found.get("problem")}
        if sources is not None:
            arguments["sources"] = list(sources)
        request = {
            "module": write_embedding_module(model)
            if isinstance(model, str)
            else MEMORY.removeprefix(TOOLS),
            "name": "recall",
            "arguments": {name: each for name, each in arguments.items() if each is not None},
        }
        return self._describe("call", key, request, readers.read_hits)

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

    async def settle_within(self, limit: timedelta, step: Step[T]) -> T | StepFailed:
        """Return the value or the failure of a step: of class `timeout` if it takes longer."""
        name = step.key.rpartition("/")[2].partition("#")[0]
        clock = self.sleep_until(f"{name[:90]}{LIMIT_SUFFIX}", self.now + limit)
        await self.first(self.settled(step), clock)
        step.fail_if_late()
        [ended] = await self.settled(step)
        return ended

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

    def hand_over(self, step: Step[Any]) -> LastStep:
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

    def ladder(self, role: str, check: str | None = None) -> tuple[str, ...]:
        """Return models for a role, in the order in which to try them; see `plan_ladder`."""
        return readers.read_models(self.plan_ladder(role, check=check))

    def plan_ladder(self, role: str, *, check: str | None = None, calls: int = 1) -> JsonValue:
        """Return the recorded ladder of a role, with reasons and prices.

        `check` says by what answers are accepted: `run` (tests, the default), `written_tests` (of a
        model), `schema` or `form`. `calls` is how often each model is asked before the next one.
        The decision is recorded by the role alone.
        """
        arguments: dict[str, JsonValue] = {"role": role}
        if check is not None:
            arguments["check"] = check
        if calls > 1:
            arguments["calls"] = calls
        return self._replay.decide(check_step_key(f"ladder:{role}"), "ladder", arguments)

    def different_models(self, count: int, role: str | None = None) -> tuple[str, ...]:
        """Return up to `count` models of different makers."""
        return readers.read_models(self.decide("different_models", count=count, role=role))

    def panel(self, *roles: str) -> Panel:
        """Return a model for each role, of different makers as far as there are any.

        It is the catalogue's model for that role, unless selection refuses it or an earlier role
        has one of its maker. A role for which no model is left is absent.
        """
        name = check_step_key(":".join(["panel", *roles]))
        decision = self._replay.decide(name, "panel", {"roles": [*roles]})
        return readers.read_panel(decision)

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

    def _group(self, group: StepGroup[T]) -> StepGroup[T]:
        check_members(group.members)
        self._replay.describe(group)
        return group
