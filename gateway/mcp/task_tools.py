"""The tools that submit, follow and cancel tasks."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from mcp_types import ToolAnnotations

from gateway.auth.principal import Scope
from gateway.mcp.answers import MAX_CHARACTERS, ToolAnswer, fit_data
from gateway.mcp.arguments import (
    CancelArguments,
    ResultArguments,
    SubmitArguments,
    TaskArguments,
    TaskListArguments,
    WatchArguments,
)
from gateway.mcp.backend import READS, ServedTool, ToolCaller
from gateway.mcp.question_tools import describe_approval
from gateway.mcp.waiting import find_open_approvals, wait_for_task
from gateway.tasks.task_run import (
    get_result_text,
    load_changeable_task,
    load_visible_task,
    submit_task_for,
)
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import NewTask, SelectionRow, Subtask, Task
from protocol.records.flows import is_time_limit

URI: Final = "cogo://tasks/{task_id}"
_REPEATED: Final = frozenset({"text", "generated_code", "responses"})
"""Fields of a result that the text of the answer has, or its parts."""
_MAX_DETAILS: Final = 10_000
_UNASKING: Final = frozenset({SubtaskState.COMPLETED, SubtaskState.FAILED, SubtaskState.CANCELLED})


async def _submit(caller: ToolCaller, arguments: SubmitArguments) -> ToolAnswer:
    budget = arguments.budget_usd
    fields = arguments.model_dump(exclude={"budget_usd"})
    new = NewTask(**fields, budget_usd=None if budget is None else Decimal(str(budget)))
    task = await submit_task_for(caller.services, caller.principal, new)
    return ToolAnswer(
        {
            "task_id": task.id,
            "status": task.status,
            "resource": URI.format(task_id=task.id),
            "next": f"call watch_task or result with task_id {task.id}; the task runs without you",
        }
    )


async def _get(caller: ToolCaller, arguments: TaskArguments) -> ToolAnswer:
    task = await load_visible_task(caller.services, caller.principal, arguments.task_id)
    return ToolAnswer(await _describe_task(caller, task))


async def _watch(caller: ToolCaller, arguments: WatchArguments) -> ToolAnswer:
    task = await wait_for_task(
        caller,
        arguments.task_id,
        seconds=arguments.timeout_seconds,
        stops_at_question=arguments.until == "question",
    )
    return ToolAnswer(await _describe_task(caller, task))


async def _list(caller: ToolCaller, arguments: TaskListArguments) -> ToolAnswer:
    page = await caller.services.store.find_tasks(
        limit=arguments.limit,
        visible=caller.principal.visibility,
        wanted=arguments.wanted,
        before=arguments.before,
        after=arguments.after,
    )
    tasks = [_summarize(each) for each in page.tasks]
    return ToolAnswer({"tasks": tasks, "next": page.next, "newer": page.newer})


async def _cancel(caller: ToolCaller, arguments: CancelArguments) -> ToolAnswer:
    await load_changeable_task(caller.services, caller.principal, arguments.task_id)
    task = await caller.services.store.cancel_task(
        task_id=arguments.task_id, reason=arguments.reason
    )
    return ToolAnswer(_summarize(task))


async def _fetch_result(caller: ToolCaller, arguments: ResultArguments) -> ToolAnswer:
    task = await wait_for_task(caller, arguments.task_id, seconds=arguments.timeout_seconds)
    if not task.status.is_final:
        return ToolAnswer(await _describe_task(caller, task))
    if task.status is not TaskState.COMPLETED:
        return _describe_failure(task)
    text = get_result_text(task)
    shown = text[arguments.offset : arguments.offset + MAX_CHARACTERS]
    end = arguments.offset + len(shown)
    rest = len(text) - end
    data: dict[str, Any] = _summarize(task) | {"characters": len(text)}
    if rest > 0:
        data["next_offset"] = end
    if arguments.offset == 0:
        data |= _describe_result(task.result or {}, text)
    note = f"call result again with offset {end}, or read {URI.format(task_id=task.id)}"
    if not text:
        return ToolAnswer(data)
    # Beside the text, so that neither crowds the other out.
    return ToolAnswer(
        fit_data(data, most=_MAX_DETAILS) | {"text": shown},
        text=f"{shown}\n\n[{rest} more characters: {note}]" if rest > 0 else shown,
        is_large=True,
    )


def _describe_failure(task: Task) -> ToolAnswer:
    error = task.error or {}
    end = "was cancelled" if task.status is TaskState.CANCELLED else "failed"
    text = f"the task {end}: {error.get('message') or 'no reason is recorded'}"
    hint = f" ({error['hint']})" if error.get("hint") else ""
    return ToolAnswer(_summarize(task) | {"error": task.error}, text + hint, is_error=True)


def _describe_result(result: dict[str, Any], text: str) -> dict[str, Any]:
    """Return what a result has beside its text."""
    code = result.get("generated_code")
    extra = {name: each for name, each in result.items() if name not in _REPEATED}
    return extra | ({"generated_code": code} if code and code not in text else {})


async def _describe_task(caller: ToolCaller, task: Task) -> dict[str, Any]:
    """Return a task with its steps, its open questions, and what to call next."""
    store = caller.services.store
    subtasks = await store.fetch_subtasks(task_id=task.id)
    selections = await store.fetch_selections(task_id=task.id)
    models = {each.subtask_id: each for each in selections}
    is_open = not task.status.is_final
    approvals = (
        await find_open_approvals(caller, task.id)
        if is_open and any(each.status not in _UNASKING for each in subtasks)
        else []
    )
    return _summarize(task) | {
        "prompt": task.prompt,
        "error": task.error,
        "steps": [
            _describe_step(each, models.get(each.id))
            for each in subtasks
            if each.kind != "flow" and not is_time_limit(each.kind, each.key)
        ],
        "approvals": [describe_approval(each) for each in approvals],
        "next": _advise(task, bool(approvals)),
    }


def _describe_step(step: Subtask, selection: SelectionRow | None) -> dict[str, Any]:
    described = {
        "key": step.key,
        "kind": step.kind,
        "role": step.metadata.get("role"),
        "status": step.status,
        "model": None if selection is None else selection.selected_model,
        "attempt": step.attempt if step.attempt > 1 else None,
        "error": (step.error or {}).get("message"),
    }
    return {name: each for name, each in described.items() if each is not None}


def _summarize(task: Task) -> dict[str, Any]:
    described = {
        "task_id": task.id,
        "type": task.type,
        "status": task.status,
        "prompt": task.prompt[:300],
        "cost_usd": None if task.cost_usd is None else float(task.cost_usd),
        "created_at": task.created_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
        "simulated": task.simulated or None,
        "resource": URI.format(task_id=task.id),
    }
    return {name: each for name, each in described.items() if each is not None}


def _advise(task: Task, has_questions: bool) -> str:
    if task.status is TaskState.COMPLETED:
        return f"call result with task_id {task.id}"
    if task.status.is_final:
        return "it has ended; submit another task, or `cogo tasks redrive` retries a failed one"
    if has_questions:
        return (
            "ask the person who should decide, then call answer_approval; "
            "or call watch_task with until=end"
        )
    return f"it is not done: call watch_task or result again with task_id {task.id}"


async def read_task(caller: ToolCaller, task_id: UUID) -> dict[str, Any]:
    """Return all of a task and its result, uncut."""
    task = await load_visible_task(caller.services, caller.principal, task_id)
    return task.model_dump(mode="json", exclude={"idempotency_key"})


TASK_TOOLS: Final = (
    ServedTool(
        name="submit_task",
        title="Submit a task",
        description="Start a task for COGO's AI workers: one model, or a swarm of several that "
        "plan, debate, write code, run its tests and review each other. Returns the id at once; "
        "the task runs on, whatever happens to this connection. Then call watch_task or result.",
        scope=Scope.TASKS_WRITE,
        arguments=SubmitArguments,
        run=_submit,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False
        ),
    ),
    ServedTool(
        name="watch_task",
        title="Watch a task",
        description="Wait for a task until it ends, a person has to answer a question, or the "
        "time is up; reports meanwhile what its steps do. Returns its state and what to call next.",
        scope=Scope.TASKS_READ,
        arguments=WatchArguments,
        run=_watch,
        annotations=READS,
    ),
    ServedTool(
        name="result",
        title="Get the answer of a task",
        description="Wait for the answer of a task and return it: the text, and what belongs to "
        "it, such as parts, verification, citations and costs. A long answer comes in pieces.",
        scope=Scope.TASKS_READ,
        arguments=ResultArguments,
        run=_fetch_result,
        annotations=READS,
    ),
    ServedTool(
        name="get_task",
        title="Show a task",
        description="Return the state of a task now: its steps with their models, its open "
        "questions, its cost, its error.",
        scope=Scope.TASKS_READ,
        arguments=TaskArguments,
        run=_get,
        annotations=READS,
    ),
    ServedTool(
        name="list_tasks",
        title="List tasks",
        description="Find tasks, the newest first: by words, status, type, model, project, tag, "
        "time or cost; for example one that was submitted in an earlier conversation.",
        scope=Scope.TASKS_READ,
        arguments=TaskListArguments,
        run=_list,
        annotations=READS,
    ),
    ServedTool(
        name="cancel_task",
        title="Cancel a task",
        description="Cancel a task that has not ended. What its finished steps cost stays spent.",
        scope=Scope.TASKS_WRITE,
        arguments=CancelArguments,
        run=_cancel,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
        ),
    ),
)
