"""`cogo migrate` on a real database."""

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from cogo.config.settings import CHECKOUT
from cogo.errors import MigrationFailed
from cogo.migrations import Migration, load_migrations, load_schema, migrate

ONE = Migration("20260101000000", "add_a", "create table a (i int);\ninsert into a values (1);")
TWO = Migration("20260101000001", "add_b", "create table public.b (i int);")
BROKEN = Migration("20260101000002", "add_c", "create table public.c (i int); select nonsense;")


async def fetch(database_url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_all_migrations_apply_to_a_fresh_database_and_the_second_run_does_nothing(
    database_url: str,
) -> None:
    files = load_migrations()

    first = await migrate(database_url, files)
    second = await migrate(database_url, files)

    assert first.applied == tuple(each.version for each in files)
    assert (second.present, second.applied) == (first.applied, ())


async def test_the_history_is_as_the_supabase_cli_keeps_it(database_url: str) -> None:
    await migrate(database_url, [ONE])

    [row] = await fetch(database_url, "select * from supabase_migrations.schema_migrations")

    assert dict(row) == {
        "version": "20260101000000",
        "statements": ["create table a (i int)", "insert into a values (1)"],
        "name": "add_a",
    }


async def test_a_dry_run_changes_nothing(database_url: str) -> None:
    found = await migrate(database_url, [ONE], dry_run=True)

    assert found.applied == (ONE.version,)
    assert not (await fetch(database_url, "select to_regclass('public.a')"))[0][0]
    assert not (await fetch(database_url, "select to_regnamespace('supabase_migrations')"))[0][0]


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(database_url: str) -> None:
    with pytest.raises(MigrationFailed, match=r"20260101000002_add_c\.sql.*nonsense"):
        await migrate(database_url, [ONE, BROKEN, TWO])

    there = await fetch(database_url, "select to_regclass('public.a'), to_regclass('public.c')")
    assert (there[0][0], there[0][1]) == ("a", None)


async def test_two_runs_at_once_apply_each_file_once(database_url: str) -> None:
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(migrate(database_url, [ONE, TWO])) for _ in range(3)]

    assert sorted(version for run in runs for version in run.result().applied) == [
        ONE.version,
        TWO.version,
    ]


async def test_migrations_of_others_in_the_same_history_are_left_alone(database_url: str) -> None:
    await migrate(database_url, [TWO])

    assert (await migrate(database_url, [ONE])).applied == (ONE.version,)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://postgres:pass@127.0.0.1:1/postgres", "does not answer"),
        ("http://127.0.0.1/", "is not an address like"),
        ("postgresql://postgres:hunter2#x@127.0.0.1/postgres", "percent-encode"),
    ],
)
async def test_an_address_that_cannot_work_is_one_sentence_without_the_password(
    url: str, sentence: str
) -> None:
    with pytest.raises(MigrationFailed, match=sentence) as caught:
        await migrate(url, [ONE])

    assert "hunter2" not in str(caught.value)


async def test_a_wrong_password_is_reported(database_url: str) -> None:
    wrong = database_url.replace("@127.0.0.1", "x@127.0.0.1")

    with pytest.raises(MigrationFailed, match="user or the password"):
        await migrate(wrong, [ONE])


async def test_a_database_with_a_part_of_the_migrations_gets_the_rest(database_url: str) -> None:
    files = load_migrations()
    await migrate(database_url, files[:1])

    done = await migrate(database_url, files)

    assert done.present == (files[0].version,)
    assert done.applied == tuple(each.version for each in files[1:])


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("20991231235959", "newer than this version of COGO: use the version that wrote it"),
        (
            "20261121090000",
            "before the release of COGO 0.1.0 and cannot be upgraded: use another database",
        ),
    ],
    ids=["newer", "older"],
)
async def test_the_schema_of_another_version_is_refused_and_nothing_is_written(
    database_url: str, version: str, sentence: str
) -> None:
    files = load_migrations()
    await migrate(database_url, files[:1])
    record = f"insert into cogo.schema_versions (version) values ('{version}')"  # noqa: S608
    await fetch(database_url, record)

    with pytest.raises(MigrationFailed, match=sentence):
        await migrate(database_url, files)

    history = await fetch(database_url, "select version from supabase_migrations.schema_migrations")
    assert [row["version"] for row in history] == [files[0].version]


async def test_a_database_with_some_migrations_gets_the_others_instead_of_the_schema(
    database_url: str,
) -> None:
    files = load_migrations()
    await migrate(database_url, files[:1])

    done = await migrate(database_url, files, schema=load_schema())

    assert done.present == (files[0].version,)
    assert done.applied == tuple(each.version for each in files[1:])


async def test_a_schema_that_fails_leaves_nothing(database_url: str) -> None:
    schema = "create table public.a (i int); select nonsense;"

    with pytest.raises(MigrationFailed, match=r"the schema: .*nonsense"):
        await migrate(database_url, load_migrations(), schema=schema)

    assert not (await fetch(database_url, "select to_regclass('public.a')"))[0][0]


def test_a_schema_without_its_migration_is_not_used(tmp_path: Path) -> None:
    supabase = Path(shutil.copytree(CHECKOUT / "supabase", tmp_path / "supabase"))
    folders = supabase / "migrations", supabase / "schemas"
    assert load_schema(*folders) == load_schema()

    with next(folders[1].glob("*/*.sql")).open("a") as file:
        file.write("-- changed")

    assert load_schema(*folders) is None


async def test_an_old_schema_of_the_embedded_server_names_the_command_for_its_directory(
    database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "an old one"
    files = load_migrations()
    await migrate(database_url, files)
    await fetch(database_url, "insert into cogo.schema_versions (version) values ('2026')")

    with pytest.raises(MigrationFailed, match=f"`cogo supabase reset --dir '{home}'`$"):
        await migrate(database_url, files, home=home)
