"""Claimed subtasks, with defaults for all that a test does not set."""

from typing import Any
from uuid import uuid4

from protocol.ids import utc_now
from protocol.records import ClaimedSubtask, Completion


def a_plan(task: dict[str, Any] | None = None, **fields: Any) -> ClaimedSubtask:
    """Build the PLAN of a task that asks for a function by default."""
    return a_subtask(task, type="PLAN", lane="cio", params={}, **fields)


def a_subtask(task: dict[str, Any] | None = None, **fields: Any) -> ClaimedSubtask:
    """Build a stamped GENERATE_CODE under its first lease."""
    task_id = uuid4()
    brief = {
        "id": str(task_id),
        "type": "GENERATE_CODE",
        "prompt": "Write is_prime(n)",
        "params": {},
        "preferences": {},
    }
    return ClaimedSubtask.model_validate(
        {
            "subtask_id": uuid4(),
            "task_id": task_id,
            "key": "main",
            "type": "GENERATE_CODE",
            "lane": "claude-sonnet-5-5",
            "attempt": 1,
            "lease_expires_at": utc_now(),
            "params": {"generation_prompt": "Write is_prime(n)"},
            "task": brief | (task or {}),
        }
        | fields
    )


def done(claimed: ClaimedSubtask) -> Completion:
    """Build the smallest completion of a subtask."""
    return Completion(ref=claimed.ref, output={"text": "done"})
