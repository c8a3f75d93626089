"""`cogo approvals`: the inbox of questions to people."""

import asyncio
import json
import sys
from collections.abc import Iterable
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.ids import choose_only, find_task_id, require_certain
from cogo.cli.listing import print_more, print_rows, read_pages
from cogo.cli.options import All, AsJson, Dir, Limit, check_http_url
from cogo.cli.session import run_with_client, run_with_store
from cogo.config.context import Project
from cogo.config.local_gateway import read_local_gateway
from cogo.errors import CommandError, SettingMissing
from cogo.terminal import escape_json, print_json, print_line, print_text, shorten
from cogo.watch.calls import MAX_CALL, build_answer_command, format_question
from cogo.watch.format import format_cost, shorten_id
from cogo.wiring.stores import Client
from gateway.links.tokens import DEFAULT_HOURS, LinkSigner, plan_link
from protocol.errors import NotFound
from protocol.ids import parse_id_range
from protocol.messages import Envelope, MessageType
from protocol.records import EVERYTHING, ApprovalRow
from protocol.store.gateway import GatewayStore
from protocol.topics import TASKS

_MOST: Final = 1000
"""Questions that are searched for an id, the newest first."""
_POLL_SECONDS: Final = 5.0
"""Between two looks while no message arrives."""
_ANNOUNCED: Final = (MessageType.APPROVAL_REQUESTED, MessageType.APPROVAL_ANSWERED)

ApprovalArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Id of a question, or the beginning of one.")
]


def list_approvals(
    *,
    task: Annotated[str | None, typer.Option(help="Only those of this task.")] = None,
    answered: Annotated[
        bool, typer.Option("--answered", help="Include those that were answered or withdrawn.")
    ] = False,
    limit: Limit = 20,
    every: All = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on to print what is asked and answered.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person, the newest first.

    Below the table is the command that answers each; with --refuse it refuses.

    Examples:
        cogo approvals
        cogo approvals --task 3f2a9c1e --answered --json
        cogo approvals --watch
        cogo approvals --watch --json | jq .question     # one line for each change
    """
    if watch:
        run_with_client(directory, lambda client: watch_approvals(client, task, as_json=as_json))
        return

    async def read(store: GatewayStore) -> tuple[list[ApprovalRow], bool]:
        task_id = None if task is None else await find_task_id(store, task)
        return await read_pages(
            lambda count, last: store.find_approvals(
                limit=count,
                visible=EVERYTHING,
                task_id=task_id,
                only_open=not answered,
                before=last.seq if last else None,
            ),
            limit=limit,
            every=every,
            as_json=as_json,
        )

    found, has_more = run_with_store(directory, read)
    print_rows(
        found,
        ("ID", "TASK", "KEY", "ASKED", "STATE", "BY", "QUESTION"),
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


def show_approval(
    *, approval: ApprovalArgument, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Show a question in full: what belongs to it, what an approval costs, and until when.

    Examples:
        cogo approvals show 7d0e4b8a
        cogo approvals show 7d0e4b8a --json | jq .show
    """
    found = run_with_store(directory, lambda store: _find_approval(store, approval))
    if as_json:
        print_json(found)
        return
    print_question(found)
    for line in _list_facts(found):
        print_text(line, indent=14)
    if found.is_open:
        print_text(f"{build_answer_command(found)}, or with --refuse", err=True, indent=2)


def answer_by_id(
    *,
    approval: ApprovalArgument,
    refuse: Annotated[bool, typer.Option("--refuse", "--reject", help="Refuse instead.")] = False,
    comment: Annotated[
        str | None,
        typer.Option(
            "--comment",
            "--answer",
            help="Why, for the task and its history; or the text that answers a model's question.",
        ),
    ] = None,
    person: Annotated[
        UUID | None, typer.Option(help="Answer for this person (default: as an operator).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again on a terminal.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Approve or refuse one question.

    On a terminal, shows it before it approves. The first answer counts; another one says which
    it was.

    Examples:
        cogo approvals answer 7d0e4b8a
        cogo approvals answer 7d0e4b8a --answer "The one of Monday."
        cogo approvals answer 7d0e4b8a --refuse --comment "not on a Friday"
    """
    require_certain(approval)
    asked = run_with_store(directory, lambda store: _find_approval(store, approval))
    may_ask = not (refuse or yes or as_json) and sys.stdin.isatty() and sys.stderr.isatty()
    given = confirm_answer(asked, comment) if may_ask and asked.is_open else comment
    answered = run_with_store(
        directory,
        lambda store: store.answer_approval(
            approval_id=asked.id, approved=not refuse, comment=given, person=person, via="cli"
        ),
    )
    if as_json:
        print_json(answered)
    else:
        print_line(f"{answered.id}  {answered.key} {describe_end(asked, answered)}")


def create_link(
    *,
    approval: ApprovalArgument,
    person: Annotated[
        UUID | None, typer.Option(help="Who answers by it (default: whom the question asks).")
    ] = None,
    hours: Annotated[float, typer.Option(help="It expires after these hours.")] = DEFAULT_HOURS,
    gateway: Annotated[
        str | None,
        typer.Option(
            help="Its address (default: COGO_GATEWAY_URL, or that of `cogo up`).",
            callback=check_http_url,
        ),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Print a link by which somebody answers a question without signing in.

    Whoever has it answers this one question in the name of the person, once, until it expires. It
    needs COGO_LINK_SECRET, the same here and at the gateway.

    Examples:
        cogo approvals link 7d0e4b8a
        cogo approvals link 7d0e4b8a --hours 4 --gateway https://cogo.example.com
        cogo approvals link 7d0e4b8a --person 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --json
    """
    project = Project.find(directory)
    secret = project.settings.link_secret
    if secret is None:
        raise SettingMissing("COGO_LINK_SECRET", example="the output of `openssl rand -hex 32`")
    base = gateway or project.settings.gateway_url
    if base is None and (local := read_local_gateway(project.home)) is not None:
        base = local.url
    if base is None:
        raise SettingMissing("COGO_GATEWAY_URL", example="https://cogo.example.com")
    found = run_with_store(project, lambda store: _find_approval(store, approval))
    link = plan_link(found, person=person, hours=hours)
    url = LinkSigner(secret.get_secret_value()).build_url(base, link)
    if as_json:
        print_json({"url": url, "person": link.person, "expires_at": link.expires_at})
        return
    print_line(url)
    who = "an operator" if link.person is None else link.person
    print_text(f"answers as {who}, until {link.expires_at:%Y-%m-%d %H:%M} UTC", err=True)


def print_question(asked: ApprovalRow, *, err: bool = False) -> None:
    """Print what is asked, and what a person should see before the answer."""
    print_text(format_question(asked), err=err, indent=2)
    if asked.show is not None:
        print_line(escape_json(json.dumps(asked.show, ensure_ascii=False, indent=2)), err=err)


def confirm_answer(asked: ApprovalRow, comment: str | None) -> str | None:
    """Show what is asked; return the comment, or the answer that a person types.

    Raises CommandError if the person does not approve it.
    """
    print_question(asked, err=True)
    if not asked.is_text_question:
        if not typer.confirm("Approve it?", default=False, err=True):
            raise CommandError("nothing was answered; --refuse refuses it")
        return comment
    answer: str = comment or typer.prompt("Answer", err=True)
    return answer


async def _find_approval(store: GatewayStore, text: str) -> ApprovalRow:
    first, last = parse_id_range(text)
    if first == last:
        return await store.fetch_approval(approval_id=first)
    asked = await store.find_approvals(limit=_MOST, visible=EVERYTHING, only_open=False)
    found = {each.id: each for each in asked if first <= each.id <= last}
    lines = {key: f"{shorten_id(key)}  {format_question(each)}" for key, each in found.items()}
    hint = "`cogo approvals --answered` lists them"
    return found[choose_only(text, lines, noun="question", hint=hint)]


async def watch_approvals(client: Client, task: str | None, *, as_json: bool) -> None:
    """Print each question when it is asked and when it ends, until interrupted."""
    task_id = None if task is None else await find_task_id(client.store, task)
    news = asyncio.Event()

    def handle_message(message: Envelope) -> None:
        if message.type in _ANNOUNCED:
            news.set()

    known: dict[UUID, ApprovalRow] = {}
    async with client.bus.listen(TASKS, handle_message, on_ready=news.set):
        while True:
            news.clear()
            asked = await client.store.find_approvals(
                limit=_MOST, visible=EVERYTHING, task_id=task_id
            )
            for each in reversed(asked):
                if each.id not in known:
                    _print_change(each, as_json=as_json)
            now_open = {each.id: each for each in asked}
            for gone in known.keys() - now_open.keys():
                await _print_end(client.store, gone, as_json=as_json)
            known = now_open
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await news.wait()
            except TimeoutError:
                continue


async def _print_end(store: GatewayStore, approval_id: UUID, *, as_json: bool) -> None:
    try:
        ended = await store.fetch_approval(approval_id=approval_id)
    except NotFound:
        return  # its task was deleted
    _print_change(ended, as_json=as_json)


def _print_change(approval: ApprovalRow, *, as_json: bool) -> None:
    if as_json:
        print_json(approval.model_dump(mode="json"))
        return
    print_text("  ".join(each for each in _format_cells(approval) if each), indent=10)


def _list_facts(approval: ApprovalRow) -> Iterable[str]:
    yield f"id            {approval.id}"
    yield f"task          {approval.task_id}, {approval.key}"
    yield f"state         {describe_state(approval)}{_describe_answer(approval)}"
    nobody = "the owner of the task" if approval.owner else "operators"
    yield f"asks          {approval.by or nobody}"
    cost = "unknown" if approval.cost_usd is None else f"up to {format_cost(approval.cost_usd)}"
    yield f"approving     costs {cost}"
    if approval.expires_at is not None:
        then = "approved" if approval.on_expiry == "approve" else "refused"
        yield f"until         {approval.expires_at:%Y-%m-%d %H:%M:%S} UTC, then it is {then}"
    if approval.escalate_to is not None and approval.escalate_at is not None:
        when = approval.escalated_at or approval.escalate_at
        verb = "was" if approval.escalated_at else "is"
        yield f"passed on     {verb} to {approval.escalate_to} at {when:%Y-%m-%d %H:%M:%S} UTC"


def _describe_answer(approval: ApprovalRow) -> str:
    if approval.answered_at is None:
        return f": {approval.withdrawn_reason}" if approval.withdrawn_reason else ""
    who = approval.answered_name
    if approval.answered_via == "expiry":
        who = "its expiry"
    via = f" ({approval.answered_via})" if approval.answered_via else ""
    said = f": {approval.comment}" if approval.comment else ""
    return f" by {who}{via} at {approval.answered_at:%Y-%m-%d %H:%M:%S} UTC{said}"


def describe_end(asked: ApprovalRow, answered: ApprovalRow) -> str:
    """Return how a question ended, and by whom if it had ended before it was answered again."""
    state = describe_state(answered)
    return state if asked.is_open else f"was {state} already{_describe_answer(answered)}"


def describe_state(approval: ApprovalRow) -> str:
    """Return whether a question is open, or how it ended, in a word."""
    if approval.approved is not None:
        said = "answered" if approval.is_text_question else "approved"
        return said if approval.approved else "refused"
    return "withdrawn" if approval.withdrawn_at else "waits"


def _format_cells(approval: ApprovalRow) -> tuple[str, ...]:
    return (
        shorten_id(approval.id),
        shorten_id(approval.task_id),
        approval.key,
        f"{approval.asked_at:%Y-%m-%d %H:%M}",
        describe_state(approval),
        approval.by or ("owner" if approval.owner else "operators"),
        shorten(format_question(approval), MAX_CALL),
    )
