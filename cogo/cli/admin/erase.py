"""`cogo erase`: everything of an owner or a project, with a receipt."""

import asyncio
import getpass
import json
import socket
import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn

import typer

from cogo.cli.admin.export import Owner, ProjectName, Subject
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import neutralize, print_json, print_line, print_table, print_text
from protocol.records import ErasedBatch
from protocol.store.gateway import GatewayStore

_PAUSE_SECONDS: Final = 1.0
_BATCH: Final = 100


def erase_owner(
    owner: Owner = None,
    *,
    project: ProjectName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the rows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    requested_by: Annotated[
        str | None,
        typer.Option(help="Who asked, for the receipt, such as a ticket (default: you)."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Wait so many seconds for agents that hold cancelled tasks.")
    ] = 300.0,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Erase all of an owner or a project, for good.

    Tasks are cancelled first. Then tasks, conversations, memory, embeddings, keys, budgets and
    grants are deleted, in small batches; calls in the audit log keep their amounts, without owner
    and prompts. Of a project: its tasks, with what they said and remembered, its keys, members and
    caps; what its owners and members have elsewhere stays. The receipt, printed last, has the rows
    by table and a SHA-256. An interrupted erasure goes on when it is run again. Exits with 1 if
    nothing was found.

    Examples:
        cogo erase 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --dry-run
        cogo erase 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c    # after `cogo export`
        cogo erase 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --yes --json > receipt.json
        cogo erase --project website --dry-run
    """
    subject = Subject.parse(owner, project)
    here = Project.find(directory)
    counted = run_with_store(here, lambda store: _erase_batch(store, subject, dry_run=True))
    is_empty = not counted.erased
    if dry_run and as_json:
        print_json(counted.erased)
    elif not as_json and not is_empty:
        rows = [(name, f"{count:,}") for name, count in sorted(counted.erased.items())]
        print_table(("TABLE", "ROWS"), rows)
    if dry_run:
        if is_empty:
            _end_without_anything(subject)
        return
    if not yes and not is_empty:
        _ask(subject)
    who = requested_by or f"{getpass.getuser()}@{socket.gethostname()}"
    total = sum(counted.erased.values())
    with open_bar("erase rows", total, is_hidden=as_json, explain=_explain) as bar:
        done = run_with_store(
            here, lambda store: _erase(store, subject, who[:200], timeout, bar.advance)
        )
    if as_json:
        print_json({"receipt": done.receipt, "sha256": done.sha256})
    receipt = json.loads(done.receipt or "{}")
    if not as_json:
        print_line(json.dumps(receipt, indent=2))
        print_line(f"SHA-256: {done.sha256}")
    if not receipt.get("erased"):
        _end_without_anything(subject)


def _explain(bar: Bar) -> str:
    return f"interrupted: {bar.done:,} rows are erased; the same command goes on"


def _end_without_anything(subject: Subject) -> NoReturn:
    """End with 1, as it may be the wrong one. The receipt, which says it too, is printed before."""
    what = "name" if subject.owner is None else "UUID"
    print_text(f"nothing of {subject} was found: is it the right {what}?", err=True)
    raise typer.Exit(1)


async def _erase_batch(
    store: GatewayStore, subject: Subject, who: str | None = None, *, dry_run: bool = False
) -> ErasedBatch:
    if subject.owner is not None:
        return await store.erase_owner(
            owner=subject.owner, limit=_BATCH, requested_by=who, dry_run=dry_run
        )
    return await store.erase_project(
        project=subject.project or "", limit=_BATCH, requested_by=who, dry_run=dry_run
    )


async def _erase(
    store: GatewayStore,
    subject: Subject,
    who: str,
    patience: float,
    on_rows: Callable[[int], None],
) -> ErasedBatch:
    """Erase batch by batch. Raise CommandError if agents hold tasks for too long."""
    clock = asyncio.get_running_loop().time
    until = clock() + patience
    while True:
        batch = await _erase_batch(store, subject, who)
        on_rows(sum(batch.erased.values()))
        if batch.is_done:
            return batch
        if not batch.is_stuck:
            until = clock() + patience
            continue
        if clock() >= until:
            raise CommandError(
                f"tasks are cancelled but still held by agents: {batch.waiting}",
                hint="see `cogo agents`, and run it again: it goes on where it stopped",
            )
        await store.reap()  # leases of agents that are gone
        await asyncio.sleep(_PAUSE_SECONDS)


def _ask(subject: Subject) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing was erased", hint="--yes confirms it where nobody can answer")
    print_text("This cannot be undone; `cogo export` writes it into files first.", err=True)
    if not typer.confirm(neutralize(f"Erase all of {subject}?"), default=False, err=True):
        raise CommandError("nothing was erased")
