"""A run: tasks arrive, the CIO stamps them, vendors answer, the database learns.

Real: `Cio`, the selection code, the classification of failures, and every SQL function between a
task and its result, learning and health included. Simulated: the clock and the vendors.
"""

from collections.abc import Callable, Sequence
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
from cogo.evaluation.simulation.database import SimulatedDatabase
from cogo.evaluation.simulation.scenario import Scenario, TaskKind
from cogo.evaluation.simulation.vendors import ScriptedVendors, VendorAnswer
from protocol.lanes import CIO
from protocol.records import ClaimedSubtask, Completion, Failure, Usage
from protocol.records.models import PolicyName
from providers.errors import Overloaded

PATIENCE_S: Final = 300.0
PATIENCE_STEPS: Final = 12
"""Seconds and steps after the last task, in which waiting tasks may end."""


@dataclass(slots=True, kw_only=True)
class SimulatedCall:
    """One call of a model."""

    model: str
    second: float
    answer: VendorAnswer


@dataclass(slots=True, kw_only=True)
class SimulatedTask:
    """The outcome of one task."""

    number: int
    second: float
    """The second of its arrival."""
    kind: TaskKind
    calls: list[SimulatedCall] = field(default_factory=list)
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


class Simulation:
    """One policy in one scenario with one seed."""

    def __init__(
        self,
        scenario: Scenario,
        policy: PolicyName,
        seed: int,
        advance: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what to play; `advance` is called after each step."""
        self._scenario = scenario
        self._policy = policy
        self._seed = seed
        self._advance = advance
        self._vendors = ScriptedVendors(scenario, seed)
        self._catalogue = scenario.build_catalogue(0)
        self._lanes = scenario.list_lanes(0)
        self._tasks: dict[UUID, SimulatedTask] = {}
        self._knowledge = NOTHING_KNOWN

    async def run(self, url: str) -> list[SimulatedTask]:
        """Run in a migrated database without tasks. Raises SimulationFailed if it refuses."""
        scenario, database = self._scenario, await SimulatedDatabase.open(url, self._lanes)
        try:
            registry = LaneRegistry(store=database, own=self._list_lanes)
            flows = self._open_flows(database, registry)
            second = 0.0
            last = scenario.seconds + max(PATIENCE_S, PATIENCE_STEPS * scenario.step_s)
            while second < scenario.seconds or (second < last and await _is_open(database)):
                await database.set_clock(second)
                self._catalogue.replace_with(scenario.build_catalogue(second))
                self._lanes = database.lanes = scenario.list_lanes(second)
                await registry.refresh()
                found = await database.fetch_knowledge()
                self._knowledge = build_knowledge(found, start=NOTHING_KNOWN)
                if second < scenario.seconds:
                    for _ in range(scenario.tasks):
                        await self._submit(database, second)
                    self._advance()
                await database.reap()
                while await self._work(database, flows, second):
                    pass
                second += scenario.step_s
            return await self._list_tasks(database)
        finally:
            await database.close()

    async def _list_lanes(self) -> list[str]:
        return self._lanes

    def _open_flows(self, database: SimulatedDatabase, registry: LaneRegistry) -> FlowRunner:
        cio = Cio(catalogue=self._catalogue, registry=registry, knowledge=lambda: self._knowledge)
        return FlowRunner(cio=cio, workflows=WorkflowHost(WORKFLOWS), outputs=database)

    async def _submit(self, database: SimulatedDatabase, second: float) -> None:
        number = len(self._tasks)
        kind = self._vendors.draw_kind(number)
        chance = Random(f"{self._seed}:{number}:id")  # noqa: S311  a play, no secret
        id_ = UUID(int=chance.getrandbits(128), version=4)
        self._tasks[id_] = SimulatedTask(number=number, second=second, kind=kind)
        preferences = {
            "policy": self._policy.value,
            "preference": self._scenario.preference.value,
        }
        params = {"task_requirements": {"kind": kind.kind}}
        await database.submit(id_, kind.type, kind.prompt, preferences, params)

    async def _work(self, database: SimulatedDatabase, flows: FlowRunner, second: float) -> int:
        """Do the waiting work and return its amount."""
        stamping = await database.claim([CIO])
        stamped: list[Completion | Failure] = []
        for claimed in stamping:
            try:
                stamped.append(await flows.handle(claimed))
            except WorkFailed as error:
                stamped.append(error.failure)
        await _store(database, stamped)
        asking = await database.claim(self._lanes)
        await _store(database, [self._execute(claimed, second) for claimed in asking])
        return len(stamping) + len(asking)

    def _execute(self, claimed: ClaimedSubtask, second: float) -> Completion | Failure:
        """Call the vendor and handle the answer as an executor does."""
        task, model = self._tasks[claimed.task_id], claimed.lane
        answer = self._vendors.ask(task.number, task.kind, model, second, claimed.attempt)
        task.calls.append(SimulatedCall(model=model, second=second, answer=answer))
        if answer.failed:
            return build_failure(Overloaded(model, "it is overloaded", status=529), claimed, None)
        usage = _build_usage(model, task.kind, answer)
        output = {"text": "an answer", "verification": self._build_verification(answer)}
        return Completion(ref=claimed.ref, output=output, usage=usage)

    def _build_verification(self, answer: VendorAnswer) -> dict[str, object]:
        if self._scenario.check is None:
            return {"status": "unverified", "checks": []}
        status = "verified" if answer.passes else "failed"
        check = {"name": "tests", "passed": answer.passes}
        return {"status": status, "reason": "tests", "checks": [check]}

    async def _list_tasks(self, database: SimulatedDatabase) -> list[SimulatedTask]:
        for id_, (status, cost, waited) in (await database.fetch_ends()).items():
            task = self._tasks[id_]
            task.is_done = status == "completed"
            task.cost_usd = cost
            task.waited_s = waited
        return list(self._tasks.values())


async def _is_open(database: SimulatedDatabase) -> bool:
    ended = await database.fetch_ends()
    return any(status not in {"completed", "failed"} for status, _, _ in ended.values())


async def _store(database: SimulatedDatabase, outcomes: Sequence[Completion | Failure]) -> None:
    done = [each for each in outcomes if isinstance(each, Completion)]
    if done:
        await database.complete(done)
    for each in outcomes:
        if isinstance(each, Failure):
            await database.fail(each)


def _build_usage(model: str, kind: TaskKind, answer: VendorAnswer) -> Usage:
    return Usage(
        model_id=model,
        provider="fireworks",
        input_tokens=kind.input_tokens,
        output_tokens=kind.output_tokens,
        cost_usd=Decimal(str(round(answer.cost_usd, 9))),
        first_token_ms=round(answer.first_token_s * 1000),
        duration_ms=round(answer.total_s * 1000),
    )
