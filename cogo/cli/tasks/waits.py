"""`cogo approve` and `cogo send`: what tasks wait for from outside."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

import typer
from pydantic import JsonValue

from cogo.cli.ids import TaskArgument, find_task_id, require_certain
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.tasks.approvals import confirm_answer, describe_end
from cogo.errors import CommandError, UsageError
from cogo.terminal import print_json, print_line, print_text
from protocol.records import EVERYTHING, ApprovalRow, SentEvent
from protocol.store.gateway import GatewayStore

_MOST: Final = 1000
"""Approvals of one task that are read; a workflow has at most as many steps."""


def answer_approval(
    *,
    task: TaskArgument,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", "--step", help="Key of the step or of the question, if several wait."
        ),
    ] = None,
    refuse: Annotated[bool, typer.Option("--refuse", "--reject", help="Refuse instead.")] = False,
    comment: Annotated[
        str | None,
        typer.Option(
            "--comment",
            "--answer",
            help="Why, for the task and its history; or the text that answers a model's question.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again on a terminal.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Answer what a task asks a person.

    On a terminal, shows what is asked, with the arguments of a tool, before it approves. The first
    answer counts. A workflow and a model go on after a refusal, too, and decide what follows.

    Examples:
        cogo approve 3f2a9c1e
        cogo approve 3f2a9c1e --key main/call_1 --yes
        cogo approve 3f2a9c1e --answer "The one of Monday."
        cogo approve 3f2a9c1e --key deploy --refuse --comment "not on a Friday"
    """
    require_certain(task)
    given = comment

    async def find(store: GatewayStore) -> ApprovalRow:
        task_id = await find_task_id(store, task)
        asked = await store.find_approvals(
            limit=_MOST, visible=EVERYTHING, task_id=task_id, only_open=False
        )
        return _choose_approval(asked, task_id, key)

    asked = run_with_store(directory, find)
    may_ask = not (refuse or yes or as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    if may_ask and asked.is_open:
        given = confirm_answer(asked, comment)

    async def answer(store: GatewayStore) -> ApprovalRow:
        return await store.answer_approval(
            approval_id=asked.id, approved=not refuse, comment=given, via="cli"
        )

    answered = run_with_store(directory, answer)
    if as_json:
        print_json(answered)
    else:
        print_line(f"{answered.task_id}  {answered.key} {describe_end(asked, answered)}")


def send_event(
    *,
    task: TaskArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name that the step waits for.")],
    payload: Annotated[
        str | None, typer.Argument(metavar="[JSON]", help="What the step returns; without it null.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key of the same task sends it only once.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Send an event to a task.

    The oldest step that waits for its name takes it; an early one is kept.

    Examples:
        cogo send 3f2a9c1e deployed '{"version": "1.4"}'
        cogo send last go
    """
    value = _parse_payload(payload)

    async def send(store: GatewayStore) -> SentEvent:
        return await store.send_event(
            task_id=await find_task_id(store, task),
            name=name,
            payload=value,
            idempotency_key=idempotency_key,
        )

    sent = run_with_store(directory, send)
    if as_json:
        print_json(sent)
        return
    print_line(f"{sent.task_id}  {sent.name} sent")
    if sent.subtask_id is None:
        print_text("no step waits for it now; the next one that does takes it", err=True)


def _choose_approval(asked: Sequence[ApprovalRow], task_id: UUID, key: str | None) -> ApprovalRow:
    """Return the only open approval, else the last one, whose first answer the database tells."""
    matching = [each for each in asked if key in {None, each.key, each.step}]
    waiting = [each for each in matching if each.is_open]
    if len(waiting) > 1:
        keys = ", ".join(each.key for each in waiting)
        raise UsageError(f"several subtasks wait for approval: choose one with --key ({keys})")
    if not waiting and not (matching and (key or len(matching) == 1)):
        what = f"no subtask {key!r}" if key else "no subtask"
        raise CommandError(f"{what} of task {task_id} waits for approval")
    return (waiting or matching)[0]


def _parse_payload(text: str | None) -> JsonValue:
    if text is None:
        return None
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the event's payload is not JSON: {error}", hint="""a text needs quotes: '"text"'"""
        ) from error
    return value
