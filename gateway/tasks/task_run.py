"""Tasks of requests: submit them for a principal, follow them to their end, read the result."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from starlette.requests import Request

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, HasStore
from gateway.problems import Problem
from gateway.streams.task_feeds import TaskWatcher
from gateway.streams.task_trees import TreeWatcher, watch_tree
from protocol.errors import CogoError, InvalidArgument, NotFound
from protocol.lifecycle import TaskState
from protocol.records import InProject, NewTask, Task
from protocol.store.operator import acting_as
from protocol.transcript import AnswerText, TaskEnded, TaskUpdate

_T = TypeVar("_T")

_STATUS: Final[Mapping[str, int]] = {
    "invalid_attachment": 400,
    "invalid_task": 400,
    "invalid_request": 400,
    "context_too_long": 400,
    "content_filtered": 400,
    "invalid_answer": 502,
    "not_supported": 400,
    "output_limit": 400,
    "budget": 402,
    "spend_cap": 402,
    "not_granted": 403,
    "banned": 403,
    "cancelled": 409,
    "no_model": 503,
    "no_tool": 503,
    "at_capacity": 503,
    "circuit_open": 503,
    "overloaded": 503,
    "rate_limited": 503,
    "deadline": 504,
    "timeout": 504,
}
MAX_SESSION_NAME: Final = 200
_BUSY: Final = frozenset({"at_capacity", "circuit_open", "no_model", "overloaded", "rate_limited"})
"""Classes of errors after which the same request may succeed. Others: the task had its retries."""


class TaskRun:
    """A task that a request waits for."""

    def __init__(
        self, task_id: UUID, watcher: TaskWatcher | TreeWatcher, *, heartbeat: float
    ) -> None:
        self.task_id = task_id
        self.end: Task | None = None
        self._watcher = watcher
        self._heartbeat = heartbeat

    async def updates(self) -> AsyncIterator[TaskUpdate | None]:
        """Yield updates up to the end, and None after each heartbeat without any.

        Of the text only that of the answer.
        """
        answer = AnswerText()
        async for found in self.batches():
            for update in found:
                for each in answer.apply(update):
                    yield each
            if not found:
                yield None

    async def batches(self) -> AsyncIterator[list[TaskUpdate]]:
        """Yield all updates up to the end, those together that were found together.

        After each heartbeat without any the list is empty.
        """
        while self.end is None:
            found = await self._watcher.next_updates(within=self._heartbeat)
            if found and isinstance(found[-1], TaskEnded):
                self.end = found[-1].task
            yield found

    async def wait(self) -> Task:
        """Wait for the completed task. Raise Problem if it ends otherwise."""
        async for update in self.updates():
            if isinstance(update, TaskEnded):
                return require_completed(update.task)
        raise AssertionError("a watched task ends")


@asynccontextmanager
async def start_task(
    services: GatewayServices,
    principal: Principal,
    new: NewTask,
    *,
    keeps_running: bool = False,
    with_children: bool = False,
) -> AsyncIterator[TaskRun]:
    """Submit a task and provide its run. If the block ends first, the task is cancelled.

    `keeps_running` or the options may keep it running instead. The task is watched before it is
    inserted, so that its first update is not late either. Raise Problem (504) if it takes longer
    than the options allow.
    """
    task_id = uuid4()
    options, feeds = services.options, services.feeds
    async with watch_tree(feeds, task_id) if with_children else feeds.watch(task_id) as watcher:
        run = TaskRun(task_id, watcher, heartbeat=options.heartbeat.total_seconds())
        try:
            async with asyncio.timeout(options.answer_timeout.total_seconds()):
                await submit_task_for(services, principal, new.model_copy(update={"id": task_id}))
                yield run
        except TimeoutError as error:
            raise _build_timeout(task_id, is_over=not keeps_running) from error
        finally:
            if run.end is None and options.cancels_on_disconnect and not keeps_running:
                services.feeds.spawn(cancel_task(services, task_id, "the client has disconnected"))


@asynccontextmanager
async def follow_task(services: GatewayServices, task_id: UUID) -> AsyncIterator[TaskRun]:
    """Provide the run of a task and its children from the beginning; it is left as it is.

    The caller has checked who may see it. Raise Problem (504) if it takes longer than the options
    allow.
    """
    options = services.options
    try:
        async with (
            asyncio.timeout(options.answer_timeout.total_seconds()),
            watch_tree(services.feeds, task_id) as watcher,
        ):
            yield TaskRun(task_id, watcher, heartbeat=options.heartbeat.total_seconds())
    except TimeoutError as error:
        raise _build_timeout(task_id, is_over=False) from error


async def run_task(
    services: GatewayServices, request: Request, principal: Principal, new: NewTask
) -> Task:
    """Run a task while the client of `request` waits; return it completed. Raise Problem."""

    async def wait() -> Task:
        async with start_task(services, principal, new) as run:
            return await run.wait()

    return await cancel_on_disconnect(services, request, wait())


def _build_timeout(task_id: UUID, *, is_over: bool) -> Problem:
    if is_over:
        hint = "submit long work to POST /tasks and watch its events"
    else:
        hint = f"the task goes on: GET /tasks/{task_id} shows it"
    return Problem(
        504,
        "answer_timeout",
        f"task {task_id} took longer than a request may wait",
        hint=hint,
        extra={"task_id": str(task_id)},
    )


async def cancel_task(services: HasStore, task_id: UUID, reason: str) -> None:
    """Cancel a task for which nobody waits any more, if it is there and has not ended.

    The gateway does it, not the operator whose request it may have been.
    """
    try:
        with acting_as(None):
            await services.store.cancel_task(task_id=task_id, reason=reason)
    except CogoError:
        return  # it has ended in the meantime, or was never inserted


async def cancel_on_disconnect(
    services: GatewayServices,
    request: Request,
    work: Coroutine[Any, Any, _T],
    may_go_on: Callable[[Principal], bool] = lambda _: True,
) -> _T:
    """Run `work` while the client is connected and its credential keeps its rights.

    Raise what `work` raises, and Problem: 401, 403, 499.
    """

    async def catch() -> _T | Exception:
        try:
            return await work
        except Exception as error:
            return error

    async def wait_for_disconnect() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    guard = services.credentials.guard(request, may_go_on)
    async with guard, asyncio.TaskGroup() as group:
        working = group.create_task(catch())
        leaving = group.create_task(wait_for_disconnect())
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not working.done():
            working.cancel()
    if working.cancelled():
        raise Problem(499, "client_gone", "the client has disconnected")
    found = working.result()
    if isinstance(found, Exception):
        raise found
    return found


async def submit_task_for(services: HasStore, principal: Principal, new: NewTask) -> Task:
    """Insert a task that belongs to the principal, in the project that its request names."""
    given = {
        "owner": principal.owner,
        "project": principal.choose_project(new.project),
        "tags": [*new.tags, *principal.labels.tags],
    }
    return await services.store.submit_task(new.model_copy(update=given))


async def load_visible_task(services: HasStore, principal: Principal, task_id: UUID) -> Task:
    """Read a task. Raise NotFound if there is none, or the principal may not see it."""
    task = await services.store.fetch_task(task_id=task_id)
    if not principal.sees(task):
        raise NotFound(f"there is no task {task_id}, or it is not yours")
    return task


async def load_changeable_task(services: HasStore, principal: Principal, task_id: UUID) -> Task:
    """Read a task that the principal may change. Raise NotFound, and Problem (403)."""
    task = await load_visible_task(services, principal, task_id)
    require_editor(principal, task)
    return task


def require_editor(principal: Principal, row: InProject) -> None:
    """Raise Problem (403) unless the principal may change what it sees."""
    if not principal.may_change(row):
        raise Problem(
            403,
            "project_role",
            f"you may only read the tasks of the project {row.project}",
            hint="`cogo projects add PROJECT USER --role editor` lets somebody change them",
        )


def require_completed(task: Task) -> Task:
    """Return a completed task. Raise Problem with the task's own error for any other end."""
    if task.status is TaskState.COMPLETED:
        return task
    error = task.error or {}
    kind, field = str(error.get("class") or task.status), error.get("field")
    raise Problem(
        _STATUS.get(kind, 502),
        kind,
        str(error.get("message") or f"the task ended as {task.status}"),
        hint=str(error["hint"]) if error.get("hint") else None,
        headers={"x-should-retry": "false"} if kind not in _BUSY else None,
        extra={"task_id": str(task.id)} | ({"param": field} if field else {}),
    )


def require_result_text(task: Task) -> str:
    """Return the model's final text. Raise Problem if a completed task has none."""
    text = get_result_text(task)
    if text.strip():
        return text
    extra = {"task_id": str(task.id)}
    if (task.result or {}).get("finish_reason") == "length":
        raise Problem(
            400,
            "output_limit",
            "the limit of output tokens was reached before there was any text",
            hint="raise max_tokens or omit it: reasoning counts, too",
            extra=extra,
        )
    raise Problem(
        502,
        "empty_answer",
        "the model returned no text",
        hint="ask again, or name a model",
        extra=extra,
    )


def get_result_text(task: Task) -> str:
    """Return the model's final text. Text that is still streaming is in `protocol.transcript`."""
    result = task.result or {}
    return str(result.get("text") or result.get("generated_code") or "")


def is_simulated(task: Task) -> bool:
    """Return whether the vendor simulator answered in place of a model."""
    return task.simulated or bool((task.result or {}).get("simulated"))


def derive_session_id(name: str | None, principal: Principal) -> UUID:
    """Return the id of a conversation.

    A name that is not a UUID is local to the owner, and to the project of a key that has one.
    Raise InvalidArgument for a name that is too long to be asked for.
    """
    if not name:
        return uuid4()
    if len(name) > MAX_SESSION_NAME:
        raise InvalidArgument(f"the name of a session has more than {MAX_SESSION_NAME} characters")
    try:
        return UUID(name)
    except ValueError:
        space = NAMESPACE_URL
        if principal.project is not None:
            space = uuid5(space, f"cogo-project:{principal.project}")
        return uuid5(space, f"cogo-session:{principal.owner}:{name}")
