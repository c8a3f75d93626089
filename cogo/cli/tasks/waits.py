"""`cogo approve`, `cogo approvals` and `cogo send`: what tasks wait for from outside."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

import typer
from pydantic import JsonValue

from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import All, AsJson, Dir, Limit
from cogo.cli.session import run_with_store
from cogo.errors import CommandError
from cogo.terminal import (
    escape_json,
    print_json,
    print_line,
    print_text,
    shorten,
)
from cogo.watch.calls import MAX_CALL, build_answer_command, format_question
from cogo.watch.format import shorten_id
from protocol.records import ApprovalRow, SentEvent
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
    """Approve or refuse what a task asks a person.

    On a terminal, shows what is asked, with the arguments of a tool, before it approves. The first
    answer counts. A workflow and a model go on after a refusal, too, and decide what follows.

    Examples:
        cogo approve 3f2a9c1e
        cogo approve 3f2a9c1e --key main/call_1 --yes
        cogo approve 3f2a9c1e --answer "The one of Monday."
        cogo approve 3f2a9c1e --key deploy --refuse --comment "not on a Friday"
    """
    given = comment

    async def find(store: GatewayStore) -> ApprovalRow:
        task_id = await find_task_id(store, task)
        asked = await store.find_approvals(
            limit=_MOST, every_owner=True, task_id=task_id, only_open=False
        )
        return _choose_approval(asked, task_id, key)

    asked = run_with_store(directory, find)
    may_ask = not (refuse or yes or as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    if may_ask and asked.is_open:
        given = _ask_again(asked, comment)

    async def answer(store: GatewayStore) -> ApprovalRow:
        return await store.answer_approval(approval_id=asked.id, approved=not refuse, comment=given)

    answered = run_with_store(directory, answer)
    if as_json:
        print_json(answered)
    else:
        print_line(f"{answered.task_id}  {answered.key} {_describe_state(answered)}")


def _ask_again(asked: ApprovalRow, comment: str | None) -> str | None:
    """Show what is asked; return the comment, or the answer that a person types.

    Raises CommandError if the person does not approve it.
    """
    print_text(format_question(asked), err=True, indent=2)
    if asked.show is not None:
        print_line(escape_json(json.dumps(asked.show, ensure_ascii=False, indent=2)), err=True)
    if not asked.is_text_question:
        if not typer.confirm("Approve it?", default=False, err=True):
            raise CommandError("nothing was answered; --refuse refuses it")
        return comment
    answer: str = comment or typer.prompt("Answer", err=True)
    return answer


def list_approvals(
    *,
    task: Annotated[str | None, typer.Option(help="Only those of this task.")] = None,
    answered: Annotated[
        bool, typer.Option("--answered", help="Include those that were answered or withdrawn.")
    ] = False,
    limit: Limit = 20,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, the newest first.

    Below the table is the command that answers each; with --refuse it refuses.

    Examples:
        cogo approvals
        cogo approvals --task 3f2a9c1e --answered --json
    """

    async def read(store: GatewayStore) -> tuple[list[ApprovalRow], bool]:
        task_id = None if task is None else await find_task_id(store, task)
        return await read_pages(
            lambda count, last: store.find_approvals(
                limit=count,
                every_owner=True,
                task_id=task_id,
                only_open=not answered,
                before=last.seq if last else None,
            ),
            limit=limit,
            every=every,
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        ("TASK", "KEY", "ASKED", "STATE", "BY", "QUESTION"),
        _format_cells,
        as_json=as_json,
        empty="nothing waits for a person",
        drop=("BY", "ASKED", "STATE"),
        brief=True,
    )
    for each in found if not as_json else ():
        if each.is_open:
            print_text(f"{build_answer_command(each)}, or with --refuse", err=True, indent=2)
    print_more(len(found), has_more=has_more)


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
        raise CommandError(f"several subtasks wait for approval: choose one with --key ({keys})")
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
        raise CommandError(
            f"the event's payload is not JSON: {error}", hint="""a text needs quotes: '"text"'"""
        ) from error
    return value


def _describe_state(approval: ApprovalRow) -> str:
    if approval.approved is not None:
        said = "answered" if approval.is_text_question else "approved"
        return said if approval.approved else "refused"
    return "withdrawn" if approval.withdrawn_at else "waits"


def _format_cells(approval: ApprovalRow) -> tuple[str, ...]:
    return (
        shorten_id(approval.task_id),
        approval.key,
        f"{approval.asked_at:%Y-%m-%d %H:%M}",
        _describe_state(approval),
        approval.by or "owner",
        shorten(format_question(approval), MAX_CALL),
    )
