"""Rows of tasks as the gateway gives them to the console."""

from typing import Any

NOW = 1_767_225_600_000 + 240_000
"""Four minutes after the beginning of 2026, when all that is told here began."""


def at(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"2026-01-01T00:{int(minutes):02}:{rest:06.3f}Z"


def a_step(key: str, second: float, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "task_id": "task",
        "key": key,
        "created_at": at(second),
        "finished_at": None,
        "lane": "m",
        "kind": "ask",
        "status": "running",
        "attempt": 1,
        "params": {},
        "metadata": {},
    } | more


def an_attempt(key: str, begin: float, end: float | None, **more: Any) -> dict[str, Any]:
    return {
        "subtask_id": key,
        "attempt": 1,
        "lane": "m",
        "model_id": "m",
        "claimed_at": at(begin),
        "ended_at": None if end is None else at(end),
        "outcome": None if end is None else "completed",
        "cost_usd": None if end is None else "0.5",
    } | more


def an_event(key: str, second: float, status: str, **more: Any) -> dict[str, Any]:
    event = {"kind": f"subtask.{status}", "at": at(second), "subtask_id": key, "attempt": 1}
    return event | {"detail": {}} | more


def a_call(key: str, begin: float, end: float, **more: Any) -> dict[str, Any]:
    return {
        "subtask_id": key,
        "attempt": 1,
        "model_id": "m",
        "outcome": "completed",
        "started_at": at(begin),
        "ended_at": at(end),
        "cost_usd": None,
        "error_class": None,
    } | more


def a_task(*steps: dict[str, Any], attempts: Any = (), **more: Any) -> dict[str, Any]:
    task = {"id": "task", "status": "running", "created_at": at(0), "finished_at": None} | more
    return {"task": task, "subtasks": list(steps), "attempts": list(attempts)}
