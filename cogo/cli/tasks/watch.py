"""`cogo watch`: everything that happens, or all that happens to one task."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from cogo.cli.ids import find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.tasks.result import summary
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text, write_text
from cogo.watch.follow import Delta, Finished, Happening, follow
from cogo.watch.format import short
from cogo.watch.view import TaskView
from cogo.wiring.stores import Client, open_client
from protocol.messages import Envelope
from protocol.records import Event, SelectionRow
from protocol.topics import MODEL_SELECTION, RESULTS, SUBTASKS, TASKS

EXAMPLES: Final = (
    "cogo watch                                   # all channels, until Ctrl-C",
    "cogo watch 3f2a9c1e                          # one task, to its end",
    "cogo watch --json | jq .type",
)
TOPICS: Final = (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)


def watch(
    *,
    task: Annotated[
        str | None,
        typer.Argument(help="A task's id, its beginning, or `last`; without it, everything."),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show everything that happens, or all that happens to one task, live.

    One line a message; with --json the messages themselves, one JSON object a line.
    """
    project = Project.find(directory)
    asyncio.run(_watch(project, task, as_json=as_json))


async def _watch(project: Project, task: str | None, *, as_json: bool) -> None:
    async with open_client(project) as client:
        if task is None:
            await _watch_all(client, as_json=as_json)
        else:
            task_id = await find_task_id(client.store, task)
            await client.store.fetch_task(task_id=task_id)  # a wrong id gets its answer at once
            await _watch_one(client, task_id, as_json=as_json)


async def _watch_all(client: Client, *, as_json: bool) -> None:
    async with AsyncExitStack() as stack:
        for topic in TOPICS:
            await stack.enter_async_context(
                client.bus.listen(topic, _printer(topic, as_json=as_json))
            )
        print_line("watching; Ctrl-C ends it", err=True)
        await asyncio.Event().wait()


def _printer(topic: str, *, as_json: bool) -> Callable[[Envelope], None]:
    def show(message: Envelope) -> None:
        if as_json:
            print_json({"topic": topic, **message.model_dump(mode="json")})
        else:
            line = f"{message.timestamp:%H:%M:%S}  {message.type:<26}{_gist(message.payload)}"
            print_text(line, indent=36)

    return show


def _gist(payload: dict[str, Any]) -> str:
    """Give what a person looks for first in any message."""
    output = payload.get("output") or {}
    params = payload.get("params") or {}
    parts = [
        short(payload.get("task_id", "")),
        str(payload.get("status") or payload.get("type") or ""),
        str(
            payload.get("selected_model")
            or output.get("model_used")
            or params.get("model_id")
            or payload.get("model_id")
            or ""
        ),
        str(payload.get("selection_reason") or payload.get("reason") or ""),
    ]
    return "  ".join(part for part in parts if part)


async def _watch_one(client: Client, task_id: UUID, *, as_json: bool) -> None:
    view = TaskView(
        stream="answer",
        say=lambda line: print_text(line, indent=23),
        write=lambda _, text: write_text(text),
        label=lambda happening: f"{_moment(happening):%H:%M:%S}",
    )
    async for happening in follow([task_id], store=client.store, bus=client.bus):
        if as_json:
            print_json(_plain(happening))
        else:
            view.show(happening)
        if isinstance(happening, Finished) and not as_json:
            print_line(summary(happening.task))


def _moment(happening: Event | SelectionRow) -> datetime:
    return happening.at if isinstance(happening, Event) else happening.created_at


def _plain(happening: Happening) -> dict[str, object]:
    match happening:
        case Delta():
            return {"kind": happening.kind, "delta": happening.text}
        case Finished(task):
            return task.model_dump(mode="json")
        case _:
            return happening.model_dump(mode="json")
