"""Mutants: AI columns with one guard taken out, each of which the laws must report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.chaos.mutants import change_function


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMutant:
    """One missing guard, and words of the report that must follow."""

    name: str
    changes: Sequence[tuple[str, str, str]]
    """Function, the words in its source, and what stands there instead."""
    reported_as: str

    def sql(self) -> list[str]:
        """Return the statements that make it; they fail when the text is not found."""
        return [change_function(*each) for each in self.changes]


MUTANTS: Final = (
    ColumnMutant(
        name="answers are written whatever their sources are now",
        changes=[
            (
                "apply_cell",
                "elsif v_read.source_hash <> p_cell.source_hash then",
                "elsif false then",
            )
        ],
        reported_as="which its sources give",
    ),
    ColumnMutant(
        name="answers are written over values of people",
        changes=[
            (
                "apply_cell",
                "elsif v_read.value_hash <> p_cell.value_hash and not p_column.overwrite then",
                "elsif false then",
            ),
            (
                "examine_rows",
                "coalesce(c.value_hash <> r.value_hash and not p_column.overwrite, false)",
                "false",
            ),
            ("plan_cells", "c.value_hash <> r.value_hash and not p_column.overwrite", "false"),
        ],
        reported_as="the person's",
    ),
    ColumnMutant(
        name="rows are not locked before they are compared",
        changes=[
            (
                "apply_cell",
                "select r.* into v_read from cogo.read_rows(p_row, array[p_cell.key], true) r;",
                "select r.* into v_read from cogo.read_rows(p_row, array[p_cell.key]) r;\n"
                "  perform pg_sleep(0.05);",
            )
        ],
        reported_as="a cell failed without a fault",
    ),
    ColumnMutant(
        name="the caps of columns stop no call",
        changes=[
            (
                "lock_budgets",
                "b.scope = 'column'",
                "b.scope = 'nothing'",
            )
        ],
        reported_as="more than a cap allows",
    ),
    ColumnMutant(
        name="a task that was asked for the same before is not found again",
        changes=[
            (
                "submit_cells",
                "v_key := cogo.identify_task(",
                "v_key := gen_random_uuid() || cogo.identify_task(",
            )
        ],
        reported_as="answers were paid for",
    ),
)
