"""The SQL faults of `scripts/mutate`: they apply, and their tests exist."""

from pathlib import Path

import pytest

from tests.mutation.sql_mutants import FAULTS, SqlFault, apply_fault

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_the_schema_and_names_laws_that_exist(fault: SqlFault) -> None:
    text = (ROOT / "supabase" / "schemas" / fault.file).read_text()

    assert apply_fault(text, fault) != text
    for test in fault.tests:
        file, _, name = test.partition("::")
        assert f"async def {name}(" in (ROOT / "tests" / "db" / file).read_text()
