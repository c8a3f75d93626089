"""The page about vendor faults, generated from the last record of `provider_faults`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from scripts.docs_pages.tables import table

RECORD: Final = Path(__file__).parent / "results" / "provider_faults.jsonl"
OURS: Final = "cogo "
Row: TypeAlias = Mapping[str, Any]

_HEADING: Final = """\
# What faults of vendors come to

Made by `scripts/docs` from the last record of `scripts/bench provider_faults --record`; change
neither by hand.

The vendor simulator misbehaves once for each question, and then behaves. COGO is the whole system,
from the row that is inserted to its result, with a model of each adapter; the peers are called
directly, LiteLLM's router with two retries and a healthy fallback. Everybody waits 3 seconds for a
first token and for the next. All of COGO's questions are asked at once, so circuits open and work
goes to other models, as in an outage; the last five faults come after the first token.
"""


def fault_page(record: Path = RECORD) -> dict[str, str]:
    """Return the page by its name; nothing if there is no record."""
    if not record.exists():
        return {}
    lines = record.read_text("utf-8").splitlines()
    rows = last_run([json.loads(line) for line in lines])
    clients = list(dict.fromkeys(str(row["client"]) for row in rows))
    faults = list(dict.fromkeys(str(row["fault"]) for row in rows))
    cells = {(row["fault"], row["client"]): _cell(row) for row in rows}
    names = {row["client"]: ", ".join(row.get("pins") or [row["client"]]) for row in rows}
    parts = [
        _HEADING,
        _circumstances(rows[0]),
        "## What whoever asked got\n",
        table(
            ("fault", *(names[each] for each in clients)),
            ((fault, *(cells.get((fault, each), "-") for each in clients)) for fault in faults),
        ),
        "## What COGO saw, whom it asked next, and the cost\n",
        "A dash is an unknown cost: the vendor had not said what the broken call used, and that is"
        " never taken for nothing.\n",
        table(
            ("adapter", "fault", "saw", "asked next", "cost in US dollars"),
            (_detail(row) for row in rows if str(row["client"]).startswith(OURS)),
        ),
    ]
    return {"faults.md": "\n".join(parts)}


def last_run(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of the latest run, which share the last row's date and commit."""
    latest = (rows[-1]["date"], rows[-1]["commit"])
    return [row for row in rows if (row["date"], row["commit"]) == latest]


def _cell(row: Row) -> str:
    outcome = str(row["outcome"])
    if outcome.isupper():
        return f"**{outcome.lower()}**"
    if outcome.startswith("failed"):
        return f"{outcome}: {', '.join(row['saw'])}"
    return outcome


def _detail(row: Row) -> tuple[str, ...]:
    cost = row["cost_usd"]
    return (
        str(row["client"]).removeprefix(OURS).strip("()"),
        str(row["fault"]),
        ", ".join(row["saw"]),
        ", ".join(row["asked_next"]) or "the same, within the attempt",
        "-" if cost is None else f"{cost:.6f}",
    )


def _circumstances(row: Row) -> str:
    machine = row["machine"]
    return (
        f"Recorded {row['date']} UTC at {row['commit']} on {machine['cores']} cores"
        f" ({machine['cpu']}), load {row['load_before']} before.\n"
    )
