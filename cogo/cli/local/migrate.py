"""`cogo migrate`: apply the database migrations."""

import asyncio
from typing import Annotated

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.config.connection import find_database_url
from cogo.config.context import Project
from cogo.config.settings import EXAMPLES
from cogo.errors import UsageError
from cogo.migrations import load_migrations
from cogo.migrations import migrate as apply_migrations
from cogo.terminal import print_json, print_line


def _check_scheme(db_url: str | None) -> str | None:
    if db_url is not None and not db_url.startswith(("postgres://", "postgresql://")):
        raise UsageError(f"--db-url is no address such as {EXAMPLES['SUPABASE_DB_URL']}")
    return db_url


def migrate(
    *,
    db_url: Annotated[
        str | None,
        typer.Option(
            help="URL of the database, as role postgres (default: SUPABASE_DB_URL). "
            "Prefer the variable: other users can see options in the list of processes.",
            callback=_check_scheme,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what is missing; change nothing.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Apply the database migrations.

    The history is the one that `supabase db push` keeps, so both can be used in turn. (The
    Supabase CLI v3 reaches a hosted project only with --remote --yes.)

    Examples:
        cogo migrate                     # SUPABASE_DB_URL, else the embedded Supabase
        cogo migrate --dry-run
        SUPABASE_DB_URL=postgresql://postgres:...@HOST:5432/postgres cogo migrate --json
    """
    target, home = db_url, None
    if target is None:
        project = Project.find(directory)
        target = find_database_url(project)
        home = project.home if project.settings.supabase_db_url is None else None
    with open_bar("apply migrations", is_hidden=as_json, explain=_explain) as bar:
        done = asyncio.run(
            apply_migrations(
                target, load_migrations(), home=home, dry_run=dry_run, on_applied=bar.show
            )
        )
    if as_json:
        print_json({"present": done.present, "applied": done.applied, "dry_run": dry_run})
        return
    for version in done.applied:
        print_line(f"{'missing' if dry_run else 'applied'} {version}")
    if not done.applied:
        print_line(f"nothing to do: all {len(done.present)} migrations are applied")


def _explain(bar: Bar) -> str:
    return (
        f"interrupted after {bar.done:,} of {bar.total or 0:,} missing migrations; nothing of the "
        "next one was written, and the same command goes on"
    )
