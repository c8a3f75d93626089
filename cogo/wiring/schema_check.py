"""Check that a project has the migrations that this version needs."""

from cogo.migrations import load_migrations
from protocol.errors import MigrationMissing
from protocol.store.queue import QueueStore


async def find_missing_versions(store: QueueStore) -> list[str]:
    """Return the versions that a project is missing.

    Raises Unauthorized and StoreUnavailable.
    """
    try:
        present = set(await store.schema_versions())
    except MigrationMissing:
        present = set()
    return [each.version for each in load_migrations() if each.version not in present]


async def check_database_schema(store: QueueStore) -> None:
    """Raise MigrationMissing if a version is missing."""
    absent = await find_missing_versions(store)
    if absent:
        raise MigrationMissing(
            f"the project lacks {len(absent)} migrations, the first is {absent[0]}: "
            "set SUPABASE_DB_URL and run `cogo migrate`"
        )
