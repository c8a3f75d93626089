"""`cogo watch`: the messages of all channels, or the progress of one task, live."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from cogo.cli.ids import find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_client
from cogo.cli.tasks.result import format_summary, list_detail_lines
from cogo.terminal import print_json, print_line, print_text, write_text
from cogo.watch.format import shorten_id
from cogo.watch.steps import QuestionsUpdate, follow_with_questions
from cogo.watch.view import LabelledUpdate, TaskView
from cogo.watch.why_waiting import explain_copy, explain_stop
from cogo.wiring.stores import Client
from protocol.ids import utc_now
from protocol.messages import Envelope
from protocol.records import Event, SelectionRow
from protocol.topics import MODEL_SELECTION, RESULTS, SUBTASKS, TASKS
from protocol.transcript import (
    ChildBegan,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
    describe_call,
    describe_child,
)

TOPICS: Final = (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)


def watch(
    *,
    task: Annotated[
        str | None,
        typer.Argument(
            metavar="TASK",
            help="Id of a task, the beginning of one, or `last` (default: everything).",
        ),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Follow all messages or one task, live.

    Without TASK, prints one line for each message on any channel, with --json the message itself.
    With TASK, prints the progress of that task and of its child tasks to its end: the answer as it
    is written, and what others of a swarm say when they have said it, each with its model.

    Examples:
        cogo watch                                   # all channels, until Ctrl-C
        cogo watch 3f2a9c1e                          # one task, to its end
        cogo watch --json | jq .type
    """

    async def run(client: Client) -> None:
        if task is None:
            await _watch_all(client, as_json=as_json)
        else:
            task_id = await find_task_id(client.store, task)
            found = await client.store.fetch_task(task_id=task_id)  # raises NotFound
            if held := explain_copy(await client.store.fetch_instance(), found):
                print_text(f"{shorten_id(task_id)}  waiting: {held}", err=True, indent=10)
            if not found.status.is_final and (stop := await client.store.fetch_spending_stop()):
                print_text(
                    f"{shorten_id(task_id)}  waiting: {explain_stop(stop)}", err=True, indent=10
                )
            await _watch_one(client, task_id, as_json=as_json)

    run_with_client(directory, run)


async def _watch_all(client: Client, *, as_json: bool) -> None:
    async with AsyncExitStack() as stack:
        for topic in TOPICS:
            await stack.enter_async_context(
                client.bus.listen(topic, _printer(topic, as_json=as_json))
            )
        print_line("watching; press Ctrl-C to stop", err=True)
        await asyncio.Event().wait()


def _printer(topic: str, *, as_json: bool) -> Callable[[Envelope], None]:
    def show(message: Envelope) -> None:
        if as_json:
            print_json({"topic": topic, **message.model_dump(mode="json")})
        else:
            line = f"{message.timestamp:%H:%M:%S}  {message.type:<26}{_summarize(message.payload)}"
            print_text(line, indent=36)

    return show


def _summarize(payload: dict[str, Any]) -> str:
    """Return the task or column, status, model and reason that a message contains."""
    output = payload.get("output") or {}
    params = payload.get("params") or {}
    parts = [
        shorten_id(payload.get("task_id", "")),
        f"{payload.get('table')}.{payload.get('column')}" if "column_id" in payload else "",
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
        say_part=lambda text: print_line(text.replace("\n", f"\n{'':>10}")),
        label=lambda update: f"{_get_time(update):%H:%M:%S}",
    )
    async for update in follow_with_questions(task_id, store=client.store, bus=client.bus):
        if not as_json:
            view.show(update)
        elif isinstance(update, QuestionsUpdate):
            print_json({**_to_json(update.event), "approvals": update.approvals})
        else:
            print_json(_to_json(update))
        if isinstance(update, TaskEnded) and not as_json:
            print_line(format_summary(update.task))
            for line in list_detail_lines(update.task):
                print_text(f"{shorten_id(task_id)}  {line}", indent=10)


def _get_time(update: LabelledUpdate) -> datetime:
    match update:
        case Event():
            return update.at
        case SelectionRow():
            return update.created_at
        case _:
            return utc_now()


def _to_json(update: TaskUpdate) -> dict[str, object]:
    match update:
        case TranscriptDelta():
            if update.is_answer:
                return {"kind": update.kind, "delta": update.delta}
            step = {"task_id": update.task_id, "key": update.key, "role": update.role}
            return {"kind": "activity", **step, "model": update.model, "delta": update.delta}
        case TranscriptReset():
            return {"kind": "discard", "attempt": update.attempt}
        case TranscriptAside():
            return {"kind": "aside", "turn": update.turn, "was": update.kind}
        case ToolCallUpdate():
            return {"kind": "tool_call", **describe_call(update)}
        case ChildBegan():
            return {"kind": "child", **describe_child(update)}
        case TaskEnded(task):
            return task.model_dump(mode="json")
        case _:
            return update.model_dump(mode="json")
