"""`cogo tasks list`: tasks that filters find, the newest first."""

from datetime import datetime
from typing import Annotated, Final

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import All, AsJson, Dir, Limit
from cogo.cli.progress import Bar, open_bar
from cogo.cli.session import run_with_store
from cogo.cli.task_lists.filters import takes_filters
from cogo.terminal import print_text, shorten
from cogo.watch.format import (
    format_age,
    format_cost,
    format_models,
    mark_simulated,
    shorten_id,
    sum_tokens,
)
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.records import EVERYTHING, Task, TaskFilter
from protocol.store.gateway import GatewayStore

_PAGE: Final = 200
_HEADINGS: Final = ("TASK", "STATUS", "AGE", "TYPE", "MODEL", "TOKENS", "COST", "PROMPT")
_DROPPED: Final = ("TYPE", "TOKENS", "COST", "MODEL", "AGE")


@takes_filters
def list_tasks(
    *,
    wanted: TaskFilter,
    limit: Limit = 20,
    before: Annotated[
        int | None,
        typer.Option(min=1, help="Only tasks before this number: the next page."),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Only the tasks just after this number: a page back."),
    ] = None,
    every: All = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List tasks, the newest first.

    All filters must hold. Below the table is the command of the next page.

    Examples:
        cogo tasks
        cogo tasks list --status failed --since yesterday
        cogo tasks list --search 'sort "a list" -numbers' --type GENERATE_CODE
        cogo tasks list --project website --tag nightly --min-cost 0.50
        cogo tasks list --status failed --limit 50 --json
    """
    if before is not None and after is not None:
        raise InvalidArgument("give --before or --after, not both")
    most = None if every else limit

    async def read(store: GatewayStore) -> tuple[list[Task], int | None]:
        with open_bar("read", is_hidden=as_json or not (every or limit > _PAGE)) as bar:
            if after is not None:
                return await _read_newer(store, wanted, limit=most, after=after, bar=bar)
            return await _read_tasks(store, wanted, limit=most, before=before, bar=bar)

    tasks, following = run_with_store(directory, read)
    now = utc_now()
    filtered = wanted != TaskFilter() or before is not None or after is not None
    print_rows(
        tasks,
        _HEADINGS,
        lambda task: _format_cells(task, now),
        as_json=as_json,
        empty="no task is like that"
        if filtered
        else 'no tasks; try `cogo submit "Write a Python function is_palindrome(text)"`',
        drop=_DROPPED,
        brief=True,
    )
    if following is not None and after is not None:
        print_text(f"(--after {following} shows newer ones)", err=True)
    elif following is not None:
        print_text(
            f"(the newest {len(tasks)}; --before {following} shows the next; or --limit N, --all)",
            err=True,
        )


async def _read_tasks(
    store: GatewayStore, wanted: TaskFilter, *, limit: int | None, before: int | None, bar: Bar
) -> tuple[list[Task], int | None]:
    """Return tasks, and before which the next ones are; None if there are none."""
    found: list[Task] = []
    while True:
        count = _PAGE if limit is None else min(_PAGE, limit + 1 - len(found))
        page = await store.find_tasks(limit=count, visible=EVERYTHING, wanted=wanted, before=before)
        found += page.tasks
        bar.show(len(found))
        before = page.next
        if limit is not None and len(found) > limit:
            return found[:limit], found[limit - 1].seq
        if before is None:
            return found, None


async def _read_newer(
    store: GatewayStore, wanted: TaskFilter, *, limit: int | None, after: int, bar: Bar
) -> tuple[list[Task], int | None]:
    """Return the tasks just newer than `after`, and after which newer ones are."""
    found: list[Task] = []
    following: int | None = after
    while following is not None and (limit is None or len(found) < limit):
        count = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page = await store.find_tasks(
            limit=count, visible=EVERYTHING, wanted=wanted, after=following
        )
        found, following = page.tasks + found, page.newer
        bar.show(len(found))
    return found, following


def _format_cells(task: Task, now: datetime) -> tuple[str, ...]:
    return (
        shorten_id(task.id),
        task.status,
        format_age(now - task.created_at),
        task.type,
        mark_simulated(format_models(task, most=1) or "-", simulated=task.simulated),
        str(sum_tokens(task)),
        format_cost(task.cost_usd),
        shorten(task.prompt, 60),
    )
