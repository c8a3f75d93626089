"""Evaluates real models: tasks of the running system, with its own workflow and sandbox."""

from dataclasses import dataclass
from typing import Final

from cogo.evaluation.checks import RememberedChecks
from cogo.evaluation.dataset import CodingProblem
from cogo.evaluation.evaluate import (
    Configuration,
    ProblemOutcome,
    build_params,
    build_prompt,
    passes_hidden,
)
from cogo.watch.follow import follow
from cogo.watch.format import format_error
from cogo.wiring.stores import Client
from protocol.lanes import is_model_lane
from protocol.records import NewTask, Task
from protocol.transcript import TaskEnded
from protocol.verification import get_status

AUTO: Final = "auto"
"""The configuration in which the system chooses the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvaluator:
    """Submits problems to the running system."""

    type: str
    client: Client
    checks: RememberedChecks

    async def evaluate(
        self, problem: CodingProblem, configuration: Configuration
    ) -> ProblemOutcome:
        """Submit a problem, wait for its end, and run the hidden tests on its result."""
        [model] = configuration.models
        task = await self.client.store.submit_task(
            NewTask(
                type=self.type,
                prompt=build_prompt(problem),
                params=build_params(problem),
                model=None if model == AUTO else model,
                stream=False,
            )
        )
        task = await self._wait(task)
        attempts = await self.client.store.fetch_attempts(task_id=task.id)
        result = task.result or {}
        code = result.get("generated_code")
        seconds = (task.finished_at - task.created_at).total_seconds() if task.finished_at else 0.0
        return ProblemOutcome(
            problem=problem.id,
            is_correct=isinstance(code, str) and await passes_hidden(self.checks, problem, code),
            status=get_status(result) or "none",
            model=result.get("model_used"),
            calls=tuple(each.lane for each in attempts if is_model_lane(each.lane)),
            cost_usd=None if task.cost_usd is None else float(task.cost_usd),
            seconds=seconds,
            error=format_error(task.error) if task.error else None,
        )

    async def _wait(self, task: Task) -> Task:
        async for update in follow([task.id], store=self.client.store, bus=self.client.bus):
            if isinstance(update, TaskEnded):
                return update.task
        return task
