"""`cogo adopt`: let a copy of a database run by itself."""

import sys
from typing import Annotated

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.terminal import neutralize, print_json, print_line, print_text
from cogo.watch.format import format_cost
from protocol.records.agents import Instance


def adopt(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Adopt a copied, restored or moved database, so that it runs by itself.

    Agents start AI columns and scheduled tasks only in the database, and at the address, where they
    ran first, so that a copy of it never spends. This says what will begin to run, and makes this
    database at SUPABASE_URL the one. A second address of the same database is added to the first.

    Examples:
        cogo adopt
        cogo adopt --yes --json
        SUPABASE_URL=... SUPABASE_SECRET_KEY=... cogo adopt    # another project
    """
    project = Project.find(directory)
    host = find_connection(project).host
    found = run_with_store(project, lambda store: store.fetch_instance(host=host))
    if found.reason is not None:
        if not as_json:
            print_text(found.reason, err=True)
            for line in describe_waiting(found):
                print_text(f"  {line}", err=True, indent=2)
        if not yes:
            _ask(host)
    adopted = run_with_store(project, lambda store: store.adopt_instance(host=host))
    if as_json:
        print_json({**adopted.model_dump(mode="json"), "before": found.model_dump(mode="json")})
    elif adopted.is_new:
        print_line(f"adopted: it runs by itself at {', '.join(adopted.hosts)}")
    else:
        print_line(f"nothing to do: it runs by itself at {', '.join(adopted.hosts)}")


def describe_waiting(instance: Instance) -> list[str]:
    """Return what begins to run with the adoption of a copy, and what that may cost."""
    counts = {
        "open tasks that came with the copy and go on": instance.waiting_tasks,
        "scheduled tasks that are due and begin at once": instance.due_tasks,
        "scheduled tasks that begin at their time": instance.scheduled_tasks,
    }
    lines = [
        f"AI column {each.name}: {each.pending:,} pending, "
        f"{format_cost(each.yesterday_usd)} yesterday"
        for each in instance.columns or ()
    ]
    lines += [f"{what}: {count:,}" for what, count in counts.items() if count]
    return [*lines, f"calls to models cost {format_cost(instance.yesterday_usd)} yesterday"]


def _ask(host: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("nothing was adopted", hint="--yes confirms it where nobody can answer")
    question = f"Let all of this run in the database at {host}?"
    if not typer.confirm(neutralize(question), default=False, err=True):
        raise CommandError("nothing was adopted: it goes on to stand still")
