"""The schema: whether a project has the migrations that this version needs."""

from cogo.migrations import load_migrations
from protocol.errors import MigrationMissing
from protocol.store.queue import QueueStore


async def absent_versions(store: QueueStore) -> list[str]:
    """Give the versions that the project lacks; all of them when it has never seen COGO.

    Raises Unauthorized and StoreUnavailable.
    """
    try:
        present = set(await store.schema_versions())
    except MigrationMissing:
        present = set()
    return [each.version for each in load_migrations() if each.version not in present]


async def check_schema(store: QueueStore) -> None:
    """Raise MigrationMissing, which names the versions and the cure, unless all are there."""
    absent = await absent_versions(store)
    if absent:
        raise MigrationMissing(
            f"the project lacks {len(absent)} migrations, the first is {absent[0]}: "
            "set SUPABASE_DB_URL and run `cogo migrate`"
        )
