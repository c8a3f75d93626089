"""`cogo models stats|why`: how models do, and why one was chosen."""

import asyncio
from typing import Any, Final

from agents.selection.choice import compare_preferences
from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.options import AsJson, Dir
from cogo.cli.since import Since, parse_since
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table, print_text
from cogo.watch.format import cost_text, marked, milliseconds
from cogo.wiring.stores import open_client
from protocol.records import SelectionRow
from protocol.records.models import ModelReport, ModelSwitch

EXAMPLES: Final = {
    "stats": ("cogo models stats", "cogo models stats --since 7d --json"),
    "why": ("cogo models why 3f2a9c1e", "cogo models why 3f2a9c1e --json"),
}
HEADINGS: Final = (
    "MODEL",
    "HEALTH",
    "CHOSEN",
    "TRIED",
    "ANSWERED",
    "FIRST",
    "P50",
    "P95",
    "TOKENS IN",
    "OUT",
    "COST",
    "LIKED",
)
LEAST: Final = ("TOKENS IN", "OUT", "P95", "LIKED", "CHOSEN", "FIRST", "P50")
"""Columns that a narrow terminal leaves out, the least important first."""
SWITCHES: Final = 10


def stats(*, since: Since = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show how models do.

    How often they were chosen and answered, latency, tokens, cost, satisfaction, and who was
    switched away from or back. Over the last day, or --since. Health is that of now,
    learned from traffic alone.
    """
    report, switches = asyncio.run(_stats(Project.find(directory), since))
    if as_json:
        print_json(
            {
                "models": [row.model_dump(mode="json") for row in report],
                "switches": [row.model_dump(mode="json") for row in switches],
            }
        )
        return
    if not report:
        print_line("no model was chosen or tried since then")
    else:
        print_table(HEADINGS, [_row(row) for row in report], drop=LEAST)
    for row in switches:
        print_text(
            f"{row.at:%Y-%m-%d %H:%M:%S}  {row.subject}  {row.was} -> {row.became}"
            f"  {row.reason} ({row.who})",
            indent=4,
        )


def why(
    *,
    task: TaskArgument,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Tell why each model of a task was chosen, with the numbers and what-ifs."""
    selections = asyncio.run(_selections(Project.find(directory), task))
    if as_json:
        print_json([row.model_dump(mode="json") | _what_ifs(row) for row in selections])
        return
    if not selections:
        print_line("no model was chosen for this task yet")
    for row in selections:
        print_line(f"{row.selected_model}  (policy {row.policy or '-'})")
        print_text(f"  {row.reason}", indent=2)
        for each in row.candidates:
            print_text(f"  {_candidate(each)}", indent=2)
        for other in compare_preferences(row.candidates, row.selected_model or ""):
            print_text(f"  {other.sentence()}", indent=2)


def _row(row: ModelReport) -> tuple[str, ...]:
    return (
        marked(row.model_id, simulated=row.simulated),
        row.health,
        str(row.selections),
        str(row.attempts),
        "-" if row.availability is None else f"{row.availability:.0%}",
        milliseconds(row.first_token_ms_p50),
        milliseconds(row.duration_ms_p50),
        milliseconds(row.duration_ms_p95),
        str(row.input_tokens),
        str(row.output_tokens),
        cost_text(row.cost_usd),
        "-" if row.satisfaction is None else f"{row.satisfaction:.0%} of {row.ratings}",
    )


def _candidate(each: dict[str, Any]) -> str:
    name = str(each.get("model_id"))
    refused = each.get("refused") or each.get("set_aside")
    expected = each.get("expected")
    if not expected:
        return f"- {name}: {refused or 'not weighed'}"
    cost = expected.get("cost_usd")
    price = "no known price" if cost is None else f"${cost:.4f}"
    aside = f"; set aside: {refused}" if refused else ""
    return (
        f"{each.get('rank') or '-'} {name}: score {each['score']:.3f}, "
        f"quality {expected['quality']:.2f} from {expected['outcomes']} outcomes, {price}, "
        f"{milliseconds(expected['total_ms'])}{aside}"
    )


def _what_ifs(row: SelectionRow) -> dict[str, Any]:
    found = compare_preferences(row.candidates, row.selected_model or "")
    return {
        "what_if": [
            {
                "preference": each.preference.value,
                "model_id": each.model_id,
                "cheaper": each.cheaper,
                "faster": each.faster,
            }
            for each in found
        ]
    }


async def _stats(
    project: Project, since: str | None
) -> tuple[list[ModelReport], list[ModelSwitch]]:
    moment = parse_since(since)
    async with open_client(project) as client:
        report = await client.store.model_report(since=moment)
        return report, await client.store.fetch_switches(limit=SWITCHES)


async def _selections(project: Project, task: str) -> list[SelectionRow]:
    async with open_client(project) as client:
        task_id = await find_task_id(client.store, task)
        await client.store.fetch_task(task_id=task_id)  # a wrong id gets its answer
        return await client.store.fetch_selections(task_id=task_id)
