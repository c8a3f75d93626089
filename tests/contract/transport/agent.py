"""An agent of one test, which plans one subtask in a lane of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from protocol.records import (
    ClaimedSubtask,
    Completion,
    CompletionAnswer,
    NewTask,
    SelectionRecord,
    Task,
    Usage,
)
from protocol.store.queue import QueueStore
from tests.support.sql.planned_subtasks import Plan, PlanCompletion, PlannedSubtask

LEASE = timedelta(seconds=60)


def a_selection(**fields: object) -> SelectionRecord:
    """Build a choice, of the model `model-a` by default."""
    return SelectionRecord.model_validate(
        {
            "selected_model": "model-a",
            "provider": "local",
            "policy": "rules",
            "requirements": {"complexity": "medium"},
            "candidates": {
                "model_id": ["model-a"],
                "provider": ["local"],
                "expected": {"quality": [0.5]},
            },
            "available_models": ["model-a"],
            "model_capabilities": {"model-a": ["code-generation"]},
            "reason": "the only one",
        }
        | fields
    )


def a_usage(**fields: object) -> Usage:
    """Ten tokens in, five out."""
    return Usage.model_validate(
        {
            "model_id": "model-a",
            "provider": "local",
            "input_tokens": 10,
            "output_tokens": 5,
            "cost_usd": "0.25",
            "duration_ms": 1200,
            "finish_reason": "stop",
        }
        | fields
    )


@dataclass(slots=True)
class Agent:
    """Works on its own tasks only, whatever else lies in the shared project."""

    store: QueueStore
    id: str = field(default_factory=lambda: f"agent-{uuid4()}")
    lane: str = field(default_factory=lambda: f"lane-{uuid4()}")

    async def submit(self, prompt: str = "Write is_prime(n)", **fields: object) -> Task:
        """Ask for something."""
        return await self.store.submit_task(
            NewTask.model_validate({"prompt": prompt, "priority": 0} | fields)
        )

    async def claim(self, lane: str | None = None, **changes: object) -> list[ClaimedSubtask]:
        """Take what lies in a lane (its own)."""
        request_id = changes.get("request_id", uuid4())
        assert isinstance(request_id, UUID)
        claims = await self.store.claim_subtasks(
            agent_id=self.id, lanes=[lane or self.lane], limit=5, lease=LEASE, request_id=request_id
        )
        return [each for each in claims if isinstance(each, ClaimedSubtask)]

    async def claim_plan(self, task: Task) -> ClaimedSubtask:
        """Take the PLAN of a task; plans of other tests are given back."""
        claimed = await self.claim("cio")
        others = [each.ref for each in claimed if each.task_id != task.id]
        if others:
            await self.store.release_subtasks(agent_id=self.id, leases=others, reason="not mine")
        [mine] = [each for each in claimed if each.task_id == task.id]
        return mine

    async def plan(self, task: Task, **fields: object) -> CompletionAnswer:
        """Plan one subtask in the agent's lane."""
        subtask = PlannedSubtask.model_validate(
            {
                "key": "code",
                "type": "GENERATE_CODE",
                "lane": self.lane,
                "params": {"generation_prompt": task.prompt, "model_id": self.lane},
            }
            | fields
        )
        plan = Plan(subtasks=[subtask], selections=[a_selection(key="code")])
        lease = (await self.claim_plan(task)).ref
        return await self.complete(PlanCompletion(ref=lease, output={}, plan=plan))

    async def complete(self, item: Completion) -> CompletionAnswer:
        """Complete one."""
        [answer] = await self.complete_all([item])
        return answer

    async def complete_all(self, items: Sequence[Completion]) -> list[CompletionAnswer]:
        """Complete several."""
        return await self.store.complete_subtasks(agent_id=self.id, items=items)

    async def complete_output(
        self, claimed: ClaimedSubtask, output: dict[str, Any], usage: Usage
    ) -> CompletionAnswer:
        """Complete a claimed subtask with its output."""
        return await self.complete(Completion(ref=claimed.ref, output=output, usage=usage))

    async def start(self, prompt: str = "Write is_prime(n)") -> tuple[Task, ClaimedSubtask]:
        """Submit a task, plan it and claim its one subtask."""
        task = await self.submit(prompt)
        await self.plan(task)
        [claimed] = await self.claim()
        return task, claimed
