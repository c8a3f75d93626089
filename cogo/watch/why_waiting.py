"""Reasons why a task makes no progress, and what to start."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from cogo.watch.format import describe_wait
from protocol.lanes import CIO, SANDBOX, is_calling_lane, is_model_lane
from protocol.lifecycle import SubtaskState
from protocol.records import AgentRecord, Attempt, SpendingStop, Subtask, Task
from protocol.records.agents import Instance
from protocol.records.flows import is_time_limit

_SHOWN_KEYS: Final = 5
_ACTIVE: Final = {SubtaskState.RUNNING, SubtaskState.QUEUED}


def explain_waiting(
    subtasks: Sequence[Subtask],
    attempts: Sequence[Attempt],
    agents: Sequence[AgentRecord],
    *,
    is_up_running: bool = False,
    stop: SpendingStop | None = None,
) -> Iterator[str]:
    """Yield a reason for each waiting subtask.

    `is_up_running`: a `cogo up` restarts the agents of this machine. `stop`: since when spending is
    stopped.
    """
    served = {lane for agent in agents if agent.state == "alive" for lane in agent.lanes}
    reasons = _reasons(attempts)
    for each in subtasks:
        match each.status:
            case SubtaskState.QUEUED if stop is not None and is_calling_lane(each.lane):
                yield explain_stop(stop)
            case SubtaskState.QUEUED if each.lane not in served:
                yield _nobody(each.lane, is_up_running=is_up_running)
            case SubtaskState.DELAYED if is_time_limit(each.kind, each.key):
                continue
            case SubtaskState.DELAYED if each.kind == "sleep":
                yield f"{each.key} sleeps until {each.run_at:%Y-%m-%d %H:%M:%S}"
            case SubtaskState.DELAYED:
                when = f"{each.run_at:%H:%M:%S}" if each.run_at else "later"
                yield f"retried at {when}: {reasons.get(each.id, 'as requested')}"
            case SubtaskState.WAITING:
                yield describe_wait(each.task_id, each.key, each.kind, each.params.get("name"))
            case SubtaskState.BLOCKED if each.kind == "flow" and (active := _list_active(subtasks)):
                yield f"the workflow waits for {active}"
            case SubtaskState.HELD:
                yield f"{each.key} is held; resume the task, its owner or its lane"
            case _:
                continue


def explain_stop(stop: SpendingStop) -> str:
    """Return why nothing calls a model, and the command that changes it."""
    return f"{stop.describe()}; `cogo resume-spending` lets it go on"


def explain_copy(instance: Instance, task: Task) -> str | None:
    """Return why a task waits in a copy of a database; None if it does not."""
    return f"for `cogo adopt`: {instance.reason}" if instance.must_hold(task) else None


def _list_active(subtasks: Sequence[Subtask]) -> str:
    """Return the keys of the steps that are done by agents, now or soon."""
    keys = [each.key for each in subtasks if each.kind != "flow" and each.status in _ACTIVE]
    more = len(keys) - _SHOWN_KEYS
    return ", ".join(keys[:_SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")


def _nobody(lane: str, *, is_up_running: bool) -> str:
    if lane == CIO and is_up_running:
        return "no orchestrator is running; `cogo up` is restarting it"
    if lane == CIO:
        return "no orchestrator is running; start one: `cogo serve orchestrator`"
    if lane.startswith(SANDBOX):
        return (
            f"no running executor can run checks of {lane.removeprefix(SANDBOX)}; "
            "`cogo sandbox status` reports what is missing on this machine"
        )
    needed = "has its key or server" if is_model_lane(lane) else "can run it"
    return (
        f"no running executor serves {lane}; start one that {needed}: "
        "`cogo serve executor` (`cogo agents` lists the running ones)"
    )


def _reasons(attempts: Sequence[Attempt]) -> Mapping[UUID, str]:
    """Return the error of the last failed attempt of each subtask."""
    return {each.subtask_id: _sentence(each.error) for each in attempts if each.error}


def _sentence(error: Mapping[str, Any]) -> str:
    hint = f" ({error['hint']})" if error.get("hint") else ""
    return f"{error.get('message') or error.get('class')}{hint}"
