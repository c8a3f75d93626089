"""`scripts/migrations --check` without a database."""

import shutil
from pathlib import Path

import pytest

from scripts.schema.folder import MigrationFolder
from scripts.schema.migration import recording

SUPABASE = Path(__file__).parents[2] / "supabase"


@pytest.fixture
def supabase(tmp_path: Path) -> Path:
    """Make a copy in which all migrations are frozen."""
    copy = tmp_path / "supabase"
    shutil.copytree(SUPABASE, copy)
    assert MigrationFolder(copy).freeze() == []
    return copy


def problems(supabase: Path) -> str:
    return "\n".join(MigrationFolder(supabase).problems())


def first(supabase: Path) -> Path:
    return min((supabase / "migrations").glob("*.sql"))


def test_all_is_well(supabase: Path) -> None:
    assert MigrationFolder(SUPABASE).problems() == []
    assert problems(supabase) == ""


def test_an_edited_frozen_migration_is_found(supabase: Path) -> None:
    with first(supabase).open("a") as file:
        file.write("-- one more comment\n")

    assert f"{first(supabase).name} is frozen" in problems(supabase)
    assert "scripts/migrations new NAME" in problems(supabase)
    assert MigrationFolder(supabase).freeze() != []


def test_a_deleted_frozen_migration_is_found(supabase: Path) -> None:
    name = first(supabase).name
    first(supabase).unlink()

    assert f"{name} is frozen" in problems(supabase)


def test_a_changed_schema_without_a_migration_is_found(supabase: Path) -> None:
    path = min((supabase / "schemas").glob("*/*.sql"))
    path.write_text(path.read_text() + "-- one more comment\n")

    assert "supabase/schemas has changed" in problems(supabase)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("20990101000000_add.sql", recording("20990101000000"), ""),
        ("20990101000000_add.sql", "select 1;\n", "does not record itself"),
        ("20990101000000_add.sql", "-- TODO: decide\n", "has a TODO"),
        ("2099_add.sql", recording("2099"), "is no name of a migration"),
        ("20200101000000_add.sql", recording("20200101000000"), "is older than a frozen"),
    ],
)
def test_a_new_migration_that_cannot_be_applied_is_found(
    supabase: Path, name: str, text: str, problem: str
) -> None:
    (supabase / "migrations" / name).write_text(text)

    assert problem in problems(supabase)
    assert bool(problem) == bool(problems(supabase))


def test_a_name_that_is_no_file_name_is_refused(supabase: Path) -> None:
    assert "is no name for a migration" in MigrationFolder(supabase).append("Add a table")[0]
