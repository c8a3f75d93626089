"""The database of the running system, as whoever owns the project uses it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from supabase import AsyncClient

from tests.support.servers.system import System
from tests.support.sources import ROOT

RECIPES: Final = ROOT / "examples" / "recipes"


@pytest.fixture
async def database(system: System) -> AsyncIterator[asyncpg.Connection]:
    """Open a direct connection, as `psql` does."""
    connection = await asyncpg.connect(system.state.db_url)
    try:
        yield connection
    finally:
        await connection.close()


async def run_file(database: asyncpg.Connection, path: Path) -> None:
    """Run a file of SQL in one transaction, as `supabase db push` does."""
    async with database.transaction():
        await database.execute(_read(path))


def _read(path: Path) -> str:
    return path.read_text("utf-8")


async def read(client: AsyncClient, table: str, columns: str = "*") -> list[dict[str, Any]]:
    """Return the rows that a user sees."""
    found: Any = (await client.table(table).select(columns).execute()).data
    return list(found)
