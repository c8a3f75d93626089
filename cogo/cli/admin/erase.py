"""`cogo erase`: everything of an owner, with a receipt."""

import asyncio
import getpass
import json
import socket
import sys
from collections.abc import Callable
from typing import Annotated, Final, NoReturn
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir, parse_user
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
    owner: Annotated[str, typer.Argument(help="UUID of the user.")],
    *,
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
    """Erase all that belongs to an owner, for good.

    Tasks are cancelled first. Then tasks, conversations, memory, embeddings, keys, budgets and
    grants are deleted, in small batches; calls in the audit log keep their amounts, without owner
    and prompts. The receipt, printed last, has the rows by table and a SHA-256. An interrupted
    erasure goes on when it is run again. Exits with 1 if nothing of the owner was found.

    Examples:
        cogo erase 7f3c... --dry-run
        cogo export 7f3c... --output anna.zip && cogo erase 7f3c...
        cogo erase 7f3c... --yes --json --requested-by "ticket 4711" > receipt.json
    """
    user = parse_user(owner)
    project = Project.find(directory)
    counted = run_with_store(
        project, lambda store: store.erase_owner(owner=user, limit=_BATCH, dry_run=True)
    )
    is_empty = not counted.erased
    if dry_run and as_json:
        print_json(counted.erased)
    elif not as_json and not is_empty:
        rows = [(name, f"{count:,}") for name, count in sorted(counted.erased.items())]
        print_table(("TABLE", "ROWS"), rows)
    if dry_run:
        if is_empty:
            _end_without_anything(user)
        return
    if not yes and not is_empty:
        _ask(user)
    who = requested_by or f"{getpass.getuser()}@{socket.gethostname()}"
    total = sum(counted.erased.values())
    with open_bar("erase rows", total, is_hidden=as_json, explain=_explain) as bar:
        done = run_with_store(
            project, lambda store: _erase(store, user, who[:200], timeout, bar.advance)
        )
    if as_json:
        print_json({"receipt": done.receipt, "sha256": done.sha256})
    receipt = json.loads(done.receipt or "{}")
    if not as_json:
        print_line(json.dumps(receipt, indent=2))
        print_line(f"SHA-256: {done.sha256}")
    if not receipt.get("erased"):
        _end_without_anything(user)


def _explain(bar: Bar) -> str:
    return f"interrupted: {bar.done:,} rows are erased; the same command goes on"


def _end_without_anything(owner: UUID) -> NoReturn:
    """End with 1, as the UUID may be wrong. The receipt, which says it too, is printed before."""
    print_text(f"nothing of {owner} was found: is it the right UUID?", err=True)
    raise typer.Exit(1)


async def _erase(
    store: GatewayStore,
    owner: UUID,
    who: str,
    patience: float,
    on_rows: Callable[[int], None],
) -> ErasedBatch:
    """Erase batch by batch. Raise CommandError if agents hold tasks for too long."""
    clock = asyncio.get_running_loop().time
    until = clock() + patience
    while True:
        batch = await store.erase_owner(owner=owner, limit=_BATCH, requested_by=who)
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


def _ask(owner: UUID) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing was erased", hint="--yes confirms it where nobody can answer")
    print_text("This cannot be undone; `cogo export` writes it into files first.", err=True)
    if not typer.confirm(neutralize(f"Erase all of {owner}?"), default=False, err=True):
        raise CommandError("nothing was erased")
