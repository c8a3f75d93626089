"""Rate of the backfill of an AI column, from the call that begins it to the last written value.

The models are the simulator, which never waits: what is measured is COGO. One executor process.
`embed`: vectors of 64 rows are one task.
"""

import asyncio
import json
import time
from typing import Any

import asyncpg

from benchmarks.system import empty_home, running_system

CAPACITY = 32
ROWS = {"chat": 1_000, "data": 1_000, "embed": 10_000}
COLUMNS = {
    "chat": ("summary", "prompt => 'Sum up: {body}'"),
    "data": ("urgent", "prompt => 'Is it urgent? {body}'"),
    "embed": (
        "vector",
        "prompt => '{body}', model => 'text-embedding-3-small',"
        """ params => '{"embed": true, "dimensions": 256}'""",
    ),
}
LIMIT_SECONDS = 300.0


async def run() -> list[dict[str, Any]]:
    """Measure one backfill after the other."""
    found = []
    with empty_home() as home:
        async with running_system(home, "--capacity", str(CAPACITY), "--no-gateway"):
            state = json.loads((home / "state.json").read_text("utf-8"))
            owner = await asyncpg.connect(state["db_url"])
            try:
                await owner.execute(
                    "create table public.tickets (id bigint generated always as identity"
                    " primary key, body text, summary text, urgent boolean, vector real[])"
                )
                for kind in COLUMNS:
                    await _fill(owner, kind, rows=20)  # imports and plans are cached after this
                    found.append(await _measure(owner, kind))
            finally:
                await owner.close()
    return found


async def _measure(owner: "asyncpg.Connection[asyncpg.Record]", kind: str) -> dict[str, Any]:
    seconds = await _fill(owner, kind, rows=ROWS[kind])
    return {
        "name": f"column_backfill_{kind}",
        "unit": "rows/s",
        "n": ROWS[kind],
        "rate": round(ROWS[kind] / seconds, 1),
    }


async def _fill(owner: "asyncpg.Connection[asyncpg.Record]", kind: str, *, rows: int) -> float:
    """Fill so many rows; return the seconds."""
    column, arguments = COLUMNS[kind]
    await owner.execute("truncate public.tickets")
    await owner.execute(
        "insert into public.tickets (body) select 'My order ' || i || ' arrived broken.'"
        " from generate_series(1, $1::int) i",
        rows,
    )
    begun = time.monotonic()
    await owner.execute(
        f"select cogo.ai_column('public.tickets', '{column}', {arguments}, backfill => true)"
    )
    count = f"select count({column}) from public.tickets"  # noqa: S608 - a name of ours
    while await owner.fetchval(count) < rows:
        if time.monotonic() - begun > LIMIT_SECONDS:
            raise RuntimeError(f"{kind}: not filled within {LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - begun
    await owner.execute(f"select cogo.remove_ai_column('public.tickets', '{column}')")
    return seconds
