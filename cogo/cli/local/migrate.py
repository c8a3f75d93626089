"""`cogo migrate`: bring a database up to date."""

import asyncio
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.connection import database_url
from cogo.config.context import Project
from cogo.migrations import load_migrations
from cogo.migrations import migrate as apply_migrations
from cogo.terminal import print_json, print_line

EXAMPLES: Final = (
    "cogo migrate                     # SUPABASE_DB_URL, else the embedded server",
    "cogo migrate --dry-run",
    "SUPABASE_DB_URL=postgresql://postgres:...@HOST:5432/postgres cogo migrate --json",
)


def migrate(
    *,
    db_url: Annotated[
        str | None,
        typer.Option(
            help="Address of the database, as role postgres (default: SUPABASE_DB_URL). "
            "Other users can see it in the list of processes; prefer the variable."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is missing; change nothing.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Bring a database to the tables and functions that COGO needs.

    Keeps the history that `supabase db push` keeps; both may take turns. (The Supabase CLI v3
    reaches a hosted project only with --remote --yes.)
    """
    target = db_url or database_url(Project.find(directory))
    done = asyncio.run(apply_migrations(target, load_migrations(), dry_run=dry_run))
    if as_json:
        print_json({"present": done.present, "applied": done.applied, "dry_run": dry_run})
        return
    for version in done.applied:
        print_line(f"{'missing' if dry_run else 'applied'} {version}")
    if not done.applied:
        print_line(f"nothing to do: all {len(done.present)} migrations are there")
