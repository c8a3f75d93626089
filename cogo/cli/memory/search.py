"""`cogo memory search`: what is remembered about something."""

import asyncio
from contextlib import suppress
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4

import typer

from cogo.cli.options import AsJson, Dir, MemoryOwner, parse_owner
from cogo.cli.session import run_with_store
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.format import shorten_id
from cogo.wiring.memory.services import open_memory_services
from gateway.tasks.memory import embed_by_task
from protocol.errors import CogoError
from protocol.records import NewTask, Task
from protocol.records.memory import FoundInMemory, MemoryHit, MemorySearch
from protocol.store.gateway import GatewayStore

_POLL_SECONDS: Final = 0.1
_WAIT_SECONDS: Final = 20.0
_SHOWN: Final = 300
"""Characters of a hit."""


def search(
    *,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.")],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", help="Only these: a name, 'notes/*', facts or documents; repeatable."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="At most so many.")] = 8,
    words: Annotated[
        bool, typer.Option("--words", help="By words alone, without a call of a model.")
    ] = False,
    owner: MemoryOwner = "none",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Search memory by meaning and by words, best first.

    The query is embedded by a task of the owner, and costs what that costs.

    Examples:
        cogo memory search "When must a refund be paid?"
        cogo memory search "refund" --words --source 'handbook/*' --json
    """
    project = Project.find(directory)
    whose = parse_owner(owner)

    async def run(store: GatewayStore) -> FoundInMemory:
        search = MemorySearch(query=query, sources=source or None, limit=limit)
        embed = None if words else embed_by_task(whose, lambda new: _run_task(store, new))
        async with open_memory_services(project, store) as memory:
            return await memory.search(whose, search, embed=embed)

    found = run_with_store(project, run)
    if as_json:
        print_json({"hits": found.hits, "notes": found.notes})
        return
    for note in found.notes:
        print_text(note, err=True)
    if not found.hits:
        print_line("nothing was found")
    for number, hit in enumerate(found.hits, start=1):
        _print_hit(number, hit)


async def _run_task(store: GatewayStore, new: NewTask) -> Task:
    """Submit a task and return it when it has ended; cancel it if that takes too long."""
    task_id: UUID = uuid4()
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            task = await store.submit_task(new.model_copy(update={"id": task_id}))
            while not task.status.is_final:
                await asyncio.sleep(_POLL_SECONDS)
                task = await store.fetch_task(task_id=task_id)
    except BaseException:
        with suppress(CogoError):  # it has ended, or was never stored
            await store.cancel_task(task_id=task_id, reason="the search did not wait for it")
        raise
    return task


def _print_hit(number: int, hit: MemoryHit) -> None:
    by: Literal["", ", "] = ", " if hit.heading else ""
    where = f"{hit.source or 'a fact'}{by}{hit.heading or ''}"
    how = " and ".join(hit.found_by)
    near = "" if hit.likeness is None else f", likeness {hit.likeness:.2f}"
    print_line(f"{number}. {where}  ({how}{near})  {shorten_id(hit.id)}")
    content = " ".join(hit.content.split())
    print_text(content if len(content) <= _SHOWN else f"{content[:_SHOWN]}...", indent=3)
