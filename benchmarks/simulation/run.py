"""A run: tasks arrive, the CIO stamps them, vendors answer, the database learns.

Real: `Cio`, the selection code, the classification of failures, and every SQL function between a
task and its result, learning and health included. Simulated: the clock and the vendors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Final
from uuid import UUID

from agents.executor.failure_policy import build_failure
from agents.orchestrator.cio import Cio
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.knowledge_sync import build_knowledge
from agents.orchestrator.lane_registry import LaneRegistry
from agents.runtime.attempt import WorkFailed
from agents.selection.evidence.knowledge import NOTHING_KNOWN
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from benchmarks.simulation.project import Project
from benchmarks.simulation.scenario import Kind, Scenario
from benchmarks.simulation.vendors import Answer, Vendors
from protocol.lanes import CIO
from protocol.records import ClaimedSubtask, Completion, Failure, Usage
from protocol.records.models import PolicyName
from providers.errors import Overloaded

PATIENCE_S: Final = 300.0
"""Seconds after the last task, in which waiting tasks may end."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a model."""

    model: str
    second: float
    answer: Answer


@dataclass(slots=True, kw_only=True)
class Served:
    """The outcome of one task."""

    number: int
    second: float
    """The second of its arrival."""
    kind: Kind
    calls: list[Call] = field(default_factory=list)
    is_done: bool = False
    cost_usd: float = 0.0
    waited_s: float = 0.0
    """Virtual seconds until its end, not counting calls."""

    @property
    def first_model(self) -> str:
        """Return the model of the first stamp."""
        return self.calls[0].model if self.calls else ""

    @property
    def is_good(self) -> bool:
        """Whether its last answer is good."""
        return self.is_done and self.calls[-1].answer.good

    @property
    def first_token_s(self) -> float:
        """Return the seconds until the last answer began, including earlier attempts."""
        before = sum(call.answer.total_s for call in self.calls[:-1])
        return self.waited_s + before + self.calls[-1].answer.first_token_s

    @property
    def total_s(self) -> float:
        """Return the seconds until the last answer ended."""
        return self.waited_s + sum(call.answer.total_s for call in self.calls)


class Play:
    """One policy in one scenario with one seed."""

    def __init__(self, scenario: Scenario, policy: PolicyName, seed: int) -> None:
        self._scenario = scenario
        self._policy = policy
        self._seed = seed
        self._vendors = Vendors(scenario, seed)
        self._catalogue = scenario.catalogue()
        self._lanes = sorted(scenario.models)
        self._tasks: dict[UUID, Served] = {}
        self._knowledge = NOTHING_KNOWN

    async def run(self, url: str) -> list[Served]:
        """Run in a migrated database without tasks. Raise `PlayFailed` if a call is rejected."""
        scenario, project = self._scenario, await Project.open(url, self._lanes)
        try:
            flows = await self._open_flows(project)
            second, last = 0.0, scenario.seconds + PATIENCE_S
            while second < scenario.seconds or (second < last and await self._is_open(project)):
                await project.at(second)
                self._knowledge = build_knowledge(await project.knowledge(), start=NOTHING_KNOWN)
                if second < scenario.seconds:
                    for _ in range(scenario.tasks):
                        await self._submit(project, second)
                await project.reap()
                while await self._work(project, flows, second):
                    pass
                second += scenario.step_s
            return await self._outcome(project)
        finally:
            await project.close()

    async def _open_flows(self, project: Project) -> FlowRunner:
        async def own() -> list[str]:
            return self._lanes

        registry = LaneRegistry(store=project, own=own)
        await registry.refresh()
        cio = Cio(catalogue=self._catalogue, registry=registry, knowledge=lambda: self._knowledge)
        return FlowRunner(cio=cio, workflows=WorkflowHost(WORKFLOWS), outputs=project)

    async def _submit(self, project: Project, second: float) -> None:
        number = len(self._tasks)
        kind = self._vendors.kind_of(number)
        chance = Random(f"{self._seed}:{number}:id")  # noqa: S311  a play, no secret
        id_ = UUID(int=chance.getrandbits(128), version=4)
        self._tasks[id_] = Served(number=number, second=second, kind=kind)
        wishes = {
            "policy": self._policy.value,
            "preference": self._scenario.preference.value,
        }
        await project.submit(id_, kind.type, kind.prompt, wishes)

    async def _work(self, project: Project, flows: FlowRunner, second: float) -> int:
        """Do the waiting work and return its amount."""
        stamping = await project.claim([CIO])
        stamped: list[Completion | Failure] = []
        for claimed in stamping:
            try:
                stamped.append(await flows.handle(claimed))
            except WorkFailed as error:
                stamped.append(error.failure)
        await _store(project, stamped)
        asking = await project.claim(self._lanes)
        await _store(project, [self._execute(claimed, second) for claimed in asking])
        return len(stamping) + len(asking)

    def _execute(self, claimed: ClaimedSubtask, second: float) -> Completion | Failure:
        """Call the vendor and handle the answer as an executor does."""
        task, model = self._tasks[claimed.task_id], claimed.lane
        answer = self._vendors.ask(task.number, task.kind, model, second, claimed.attempt)
        task.calls.append(Call(model=model, second=second, answer=answer))
        if answer.failed:
            return build_failure(Overloaded(model, "it is overloaded", status=529), claimed, None)
        usage = _usage(model, task.kind, answer)
        output = {"text": "an answer", "verification": self._verification(answer)}
        return Completion(ref=claimed.ref, output=output, usage=usage)

    def _verification(self, answer: Answer) -> dict[str, object]:
        if self._scenario.check is None:
            return {"status": "unverified", "checks": []}
        status = "verified" if answer.passes else "failed"
        check = {"name": "tests", "passed": answer.passes}
        return {"status": status, "reason": "tests", "checks": [check]}

    async def _is_open(self, project: Project) -> bool:
        ended = await project.ended()
        return any(status not in {"completed", "failed"} for status, _, _ in ended.values())

    async def _outcome(self, project: Project) -> list[Served]:
        for id_, (status, cost, waited) in (await project.ended()).items():
            served = self._tasks[id_]
            served.is_done = status == "completed"
            served.cost_usd = cost
            served.waited_s = waited
        return list(self._tasks.values())


async def _store(project: Project, outcomes: Sequence[Completion | Failure]) -> None:
    done = [each for each in outcomes if isinstance(each, Completion)]
    if done:
        await project.complete(done)
    for each in outcomes:
        if isinstance(each, Failure):
            await project.fail(each)


def _usage(model: str, kind: Kind, answer: Answer) -> Usage:
    return Usage(
        model_id=model,
        provider="fireworks",
        input_tokens=kind.input_tokens,
        output_tokens=kind.output_tokens,
        cost_usd=Decimal(str(round(answer.cost_usd, 9))),
        first_token_ms=round(answer.first_token_s * 1000),
        duration_ms=round(answer.total_s * 1000),
    )
