"""Evaluates real models: tasks of the running system, with its own workflow and sandbox."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

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
from protocol.errors import CogoError
from protocol.records import NewTask, Task
from protocol.store.spending import SpendingStore
from protocol.transcript import TaskEnded
from protocol.verification import get_status

AUTO: Final = "auto"
"""The configuration in which the system chooses the models."""
_MAX_CALLS: Final = 1000


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
        task = await submit_and_wait(
            self.client,
            NewTask(
                type=self.type,
                prompt=build_prompt(problem),
                params=build_params(problem),
                model=None if model == AUTO else model,
                stream=False,
            ),
        )
        calls = await fetch_called_models(self.client.store, task.id)
        result = task.result or {}
        code = result.get("generated_code")
        seconds = (task.finished_at - task.created_at).total_seconds() if task.finished_at else 0.0
        return ProblemOutcome(
            problem=problem.id,
            is_correct=isinstance(code, str) and await passes_hidden(self.checks, problem, code),
            status=get_status(result) or "none",
            model=result.get("model_used"),
            calls=calls,
            cost_usd=None if task.cost_usd is None else float(task.cost_usd),
            seconds=seconds,
            error=format_error(task.error) if task.error else None,
        )


async def submit_and_wait(client: Client, new: NewTask) -> Task:
    """Submit a task and return it when it has ended; if cancelled, cancel it."""
    task = await client.store.submit_task(new)
    try:
        async for update in follow([task.id], store=client.store, bus=client.bus):
            if isinstance(update, TaskEnded):
                return update.task
    except asyncio.CancelledError:
        with suppress(CogoError):  # it has ended
            await client.store.cancel_task(task_id=task.id, reason="`cogo eval` was stopped")
        raise
    return task


async def fetch_called_models(store: SpendingStore, task_id: UUID) -> tuple[str, ...]:
    """Return the model of each call of a task, oldest first, repeated calls included.

    Neither an attempt that was handed back before it asked a model is a call, nor an answer from
    the cache.
    """
    rows = await store.fetch_calls(limit=_MAX_CALLS, every_owner=True, task_id=task_id)
    called = {each.id: each.model_id for each in reversed(rows) if each.outcome != "cached"}
    return tuple(called.values())  # one whose end was reported late has two rows
