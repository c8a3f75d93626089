"""Asking and waiting: one task, watched from before its insertion to its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from starlette.requests import Request

from gateway.auth.principal import Principal
from gateway.dependencies import Parts
from gateway.problems import Problem
from gateway.streams.hub import Watcher
from gateway.streams.updates import Ended, News
from gateway.tasks.access import submitted
from protocol.errors import CogoError
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task

_T = TypeVar("_T")

_STATUS: Final[Mapping[str, int]] = {
    "invalid_task": 400,
    "invalid_request": 400,
    "context_too_long": 400,
    "content_filtered": 400,
    "output_limit": 400,
    "budget": 402,
    "spend_cap": 402,
    "not_granted": 403,
    "banned": 403,
    "cancelled": 409,
    "no_model": 503,
    "at_capacity": 503,
    "circuit_open": 503,
    "overloaded": 503,
    "rate_limited": 503,
    "deadline": 504,
    "timeout": 504,
}


class Inquiry:
    """A task that somebody waits for."""

    def __init__(self, task_id: UUID, watcher: Watcher, *, heartbeat: float) -> None:
        self.task_id = task_id
        self.end: Task | None = None
        self._watcher = watcher
        self._heartbeat = heartbeat

    async def news(self) -> AsyncIterator[News | None]:
        """Give what happens up to the end; None when nothing did for a heartbeat."""
        while self.end is None:
            found = await self._watcher.news(within=self._heartbeat)
            for item in found:
                if isinstance(item, Ended):
                    self.end = item.task
                yield item
            if not found:
                yield None

    async def answer(self) -> Task:
        """Wait for the end. Raises Problem when the task did not complete."""
        async for item in self.news():
            if isinstance(item, Ended):
                return completed(item.task)
        raise AssertionError("a watched task ends")


@asynccontextmanager
async def inquiry(parts: Parts, principal: Principal, new: NewTask) -> AsyncIterator[Inquiry]:
    """Ask; when the block ends before the task does, the task is cancelled (or goes on, if so set).

    The task is watched before it is inserted, so that not even its first word is late. Raises
    Problem (504) when it takes longer than the options allow.
    """
    task_id = uuid4()
    options = parts.options
    async with parts.hub.watch(task_id) as watcher:
        asked = Inquiry(task_id, watcher, heartbeat=options.heartbeat.total_seconds())
        try:
            async with asyncio.timeout(options.answer_within.total_seconds()):
                await submitted(parts, principal, new.model_copy(update={"id": task_id}))
                yield asked
        except TimeoutError as error:
            raise Problem(
                504,
                "answer_timeout",
                f"task {task_id} took longer than a request may wait",
                hint="submit long work to POST /tasks and watch its events",
            ) from error
        finally:
            if asked.end is None and options.cancels_on_disconnect:
                parts.hub.spawn(_cancel(parts, task_id))


async def _cancel(parts: Parts, task_id: UUID) -> None:
    try:
        await parts.store.cancel_task(task_id=task_id, reason="nobody waits for it any more")
    except CogoError:
        return  # it has ended meanwhile, or was never inserted


async def unless_gone(parts: Parts, request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work while the client is there and its credential is accepted.

    Raises what the work raises, and Problem: 401, 499.
    """

    async def outcome() -> _T | Exception:
        try:
            return await work
        except Exception as error:
            return error

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    async with parts.admissions.hold(request), asyncio.TaskGroup() as group:
        working = group.create_task(outcome())
        leaving = group.create_task(gone())
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not working.done():
            working.cancel()
    if working.cancelled():
        raise Problem(499, "client_gone", "nobody waits for the answer any more")
    found = working.result()
    if isinstance(found, Exception):
        raise found
    return found


def completed(task: Task) -> Task:
    """Give a completed task. Raises Problem with the task's own error for any other end."""
    if task.status is TaskState.COMPLETED:
        return task
    error = task.error or {}
    kind = str(error.get("class") or task.status)
    raise Problem(
        _STATUS.get(kind, 502),
        kind,
        str(error.get("message") or f"the task ended as {task.status}"),
        hint=str(error["hint"]) if error.get("hint") else None,
        extra={"task_id": str(task.id)},
    )


def spoken(task: Task) -> str:
    """Return what the model said. Raises Problem if a completed task holds no text."""
    text = text_of(task)
    if text.strip():
        return text
    extra = {"task_id": str(task.id)}
    if (task.result or {}).get("finish_reason") == "length":
        raise Problem(
            400,
            "output_limit",
            "the limit of output tokens was reached before the model said a word",
            hint="allow more, or leave max_tokens out: reasoning counts too",
            extra=extra,
        )
    raise Problem(
        502,
        "empty_answer",
        "the model said nothing",
        hint="ask again, or name a model",
        extra=extra,
    )


def is_simulated(task: Task) -> bool:
    """Return whether the vendor simulator answered in place of a model."""
    return task.simulated or bool((task.result or {}).get("simulated"))


def text_of(task: Task) -> str:
    """Give what the model said."""
    result = task.result or {}
    return str(result.get("text") or result.get("generated_code") or "")


def session_of(name: str | None, principal: Principal) -> UUID:
    """Give the id of a conversation; any text that is no UUID names one of the caller's own."""
    if not name:
        return uuid4()
    try:
        return UUID(name)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"cogo-session:{principal.owner}:{name}")
