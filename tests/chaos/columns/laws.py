"""The laws of AI columns at rest, each as a check that finds the exceptions."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from tests.chaos.columns.model import (
    find_mark,
    find_tokens,
    make_level,
    make_text,
    make_vector,
    read_digest,
)
from tests.chaos.columns.world import World
from tests.support.sql.database import Connection

_ROWS: Final = {
    "summary": (
        "select jsonb_build_array(id) as key, array[subject, body] as sources,"
        " to_jsonb(summary) as value, to_jsonb(typed_summary) as typed from public.tickets"
    ),
    "urgency": (
        "select jsonb_build_array(id) as key, array[body] as sources, to_jsonb(urgency) as value,"
        " to_jsonb(typed_urgency) as typed from public.tickets"
    ),
    "vector": (
        "select jsonb_build_array(id) as key, array[subject] as sources, to_jsonb(vector) as value,"
        " to_jsonb(typed_vector) as typed from public.tickets"
    ),
    "the gist": (
        """select jsonb_build_array(region, "No.", day) as key, array[note] as sources,"""
        """ to_jsonb("the gist") as value, to_jsonb(typed_gist) as typed"""
        """ from public."Day's events" """
    ),
}
OVERWRITTEN: Final = frozenset({"urgency"})
"""Whose values of people last until their sources change."""
_MAKE: Final[dict[str, Any]] = {
    "summary": make_text,
    "urgency": make_level,
    "vector": make_vector,
    "the gist": make_text,
}
_CELLS: Final = """
select key, state, version, reason, task_id from public.cogo_column_cells where column_id = $1
"""
_TASKS: Final = """
select t.id, t.owner, t.prompt, t.params, t.status, t.cost_usd, t.result,
       (select count(*) from public.cogo_calls c where c.task_id = t.id and c.outcome = 'completed')
         as paid,
       (select count(*) from public.cogo_attempts a where a.task_id = t.id and a.outcome = 'reaped')
         as deaths
  from public.cogo_tasks t where t.column_id = $1
"""


async def find_broken(world: World, connection: Connection) -> list[str]:
    """Return each exception to each law; the world is at rest."""
    broken = [*world.problems]
    for name, column in world.columns.items():
        marks = {
            row["version"]: find_mark(row["prompt"])
            for row in await connection.fetch(
                "select version, prompt from cogo.ai_column_versions where column_id = $1", column
            )
        }
        rows = await connection.fetch(_ROWS[name])
        cells = await connection.fetch(_CELLS, column)
        tasks = await connection.fetch(_TASKS, column)
        broken += [f"{name}: {each}" for each in _check_cells(name, rows, cells, marks)]
        broken += [f"{name}: {each}" for each in _check_payments(name, tasks)]
    for law, query in _QUERIES.items():
        found = await connection.fetch(query)
        broken += [f"{law}: {dict(each)}" for each in found[:5]]
    return broken


def _check_cells(
    name: str, rows: list[Any], cells: list[Any], marks: dict[int, str]
) -> Iterator[str]:
    by_key = {json.dumps(each["key"]): each for each in cells}
    for row in rows:
        key = json.dumps(row["key"])
        cell = by_key.pop(key, None)
        if cell is None:
            yield f"row {key} has no cell"
            continue
        tokens = [token for each in row["sources"] for token in find_tokens(each)]
        if row["typed"] is not None and name not in OVERWRITTEN:
            if row["value"] != row["typed"]:
                yield f"row {key}: the person's {row['typed']} is {row['value']} ({cell['state']})"
            elif cell["state"] != "kept":
                yield f"row {key}: the cell of a person's value is {cell['state']}"
            continue
        if cell["state"] not in {"done", "stale"}:
            yield f"row {key} is {cell['state']}: {row['value']}, {cell['reason']}"
            continue
        digest = read_digest(marks.get(cell["version"], "?"), tokens)
        expected = _MAKE[name](digest) if tokens else None
        allowed = [expected, row["typed"]] if name in OVERWRITTEN else [expected]
        if row["value"] not in allowed:
            yield f"row {key} is {row['value']}, not {expected}, which its sources give"
    for key in by_key:
        yield f"cell {key} has no row"


def _check_payments(name: str, tasks: list[Any]) -> Iterator[str]:
    answered: Counter[str] = Counter()
    for task in tasks:
        if task["status"] in {"pending", "running", "held"}:
            yield f"task {task['id']} is {task['status']}"
        if task["paid"] > 1 + task["deaths"]:
            yield f"task {task['id']}: {task['paid']} finished answers were paid for"
        if task["status"] != "completed":
            continue
        texts = task["params"].get("input") or [task["prompt"]]
        for text in [texts] if isinstance(texts, str) else texts:
            # Owners pay for their own answers, and a row may change hands.
            asked = " ".join([find_mark(text), *find_tokens(text)])
            answered[f"{asked} for {task['owner']}"] += 1
    allowed = 4 if name == "urgency" else 1  # nonsense is asked about again
    for text, count in answered.items():
        if count > allowed:
            yield f"{text}: {count} answers were paid for"


_QUERIES: Final = {
    "an edit was not looked at": "select * from cogo.ai_edits",
    "a cell waits for a task": (
        "select column_id, key, state from cogo.ai_cells where state in ('pending', 'asked')"
    ),
    "the numbers of cells are wrong": """
        select column_id, state, version, a.cells as counted, b.cells
          from (
            select column_id, state, coalesce(version, 0) as version, sum(cells) as cells
              from cogo.ai_counts group by 1, 2, 3 having sum(cells) <> 0
          ) as a
          full join (
            select column_id, state, coalesce(version, 0) as version, count(*) as cells
              from cogo.ai_cells group by 1, 2, 3
          ) as b using (column_id, state, version)
         where a.cells is distinct from b.cells
    """,
    "something is reserved that nobody calls": "select call_id, task_id from cogo.reservations",
}
