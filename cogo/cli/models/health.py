"""`cogo models health`: which places answer, which are left alone, and why."""

import asyncio
from typing import Final

from cogo.cli.options import AsJson, Dir
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import first_words, print_json, print_line, print_table
from protocol.records.deployments import DeploymentRow
from protocol.transport.supabase_store import open_store

EXAMPLES: Final = {"health": ("cogo models health", "cogo models health --json")}
_HEADINGS: Final = (
    "DEPLOYMENT",
    "STATE",
    "WAIT",
    "ANSWERED",
    "FAILED",
    "RUNNING",
    "ROOM",
    "LAST ERROR",
)
_SHOWN: Final = 60


def health(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show which places answer, which are left alone, and why.

    Learned from calls. open: calls failed too often, nobody asks; half_open: one call tries it;
    resting: the vendor asked to wait. Answered and failed count the last minutes, the older the
    less.
    """
    rows = asyncio.run(_read(Project.find(directory)))
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
    elif not rows:
        print_line("nothing was called yet: health is learned from calls, never from probes")
    else:
        drop = ("ROOM", "RUNNING", "WAIT")
        print_table(_HEADINGS, [_row(row) for row in rows], drop=drop)


async def _read(project: Project) -> list[DeploymentRow]:
    connection = find_connection(project)
    key = connection.secret_key.get_secret_value()
    async with open_store(connection.url, key) as store:
        return await store.fetch_deployments()


def _row(row: DeploymentRow) -> tuple[str, ...]:
    error = row.last_error or {}
    said = f"{error.get('class')}: {error.get('message')}" if error else "-"
    return (
        row.deployment,
        row.state,
        f"{row.wait_seconds:.0f} s" if row.wait_seconds else "-",
        str(row.answered),
        str(row.failed),
        str(row.running),
        str(row.concurrency),
        first_words(said, _SHOWN),
    )
