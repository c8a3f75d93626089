"""The result as a text table and as JSON."""

from collections.abc import Sequence
from typing import Any

from benchmarks.routing.evaluation import Split
from benchmarks.routing.table import Table

_HEADS = (
    "policy",
    "quality",
    "vs single",
    "$/prompt",
    "cost",
    "worst",
    "AIQ",
    "PerfGain",
    "CostSave",
)


def as_json(
    table: Table, splits: Sequence[Split], rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return all results, with the points of the first split's curves."""
    return {
        "prompts": len(table.rows),
        "models": list(table.models),
        "categories": len({row.category for row in table.rows}),
        "notes": list(table.notes),
        "seeds": [split.seed for split in splits],
        "training_rows": splits[0].training,
        "test_rows": splits[0].test,
        "policies": list(rows),
        "curves": {
            entry.name: [list(point) for point in entry.curve]
            for entry in splits[0].entries
            if entry.curve
        },
    }


def as_text(table: Table, splits: Sequence[Split], rows: Sequence[dict[str, Any]]) -> str:
    """Return the table and its legend."""
    categories = len({row.category for row in table.rows})
    lines = [
        f"{len(table.rows)} prompts, {len(table.models)} models, {categories} categories; "
        f"{len(splits)} splits by hash, {splits[0].training} rows to learn from and "
        f"{splits[0].test} to measure; medians.",
        *table.notes,
        "",
    ]
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    for line in cells:
        first, *others = (text for text in line)
        padded = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *padded]).rstrip())
    lines.append("")
    lines += [f"{row['policy']}: {_some(row['settings'])}" for row in rows if row["settings"]]
    lines += [
        "",
        "quality, $/prompt: on the test rows, at the setting that the training rows chose.",
        "cost: share of the best single model's; worst: the largest of all splits.",
        "AIQ: mean height of the curve of all settings; PerfGain, CostSave: the best on it.",
        "cascade, recorded: with the table's own check; tp, fp: if a check accepted such shares of",
        "the good and of the bad answers. ensemble is not measured: no synthesis was recorded.",
    ]
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    def number(name: str, shape: str) -> str:
        return "-" if row[name] is None else format(row[name], shape)

    return (
        row["policy"],
        number("quality", ".4f"),
        number("quality_gain", "+.4f"),
        number("cost", ".6f"),
        number("cost_ratio", ".1%"),
        number("worst_cost_ratio", ".1%"),
        number("aiq", ".4f"),
        number("perf_gain", "+.4f"),
        number("cost_save", ".1%"),
    )


def _some(settings: Sequence[str]) -> str:
    shown = "; ".join(settings[:3])
    return shown if len(settings) <= 3 else f"{shown}; and {len(settings) - 3} more"
