"""`cogo models stats|outcomes|health|why`: how models perform, and why one was chosen."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from agents.selection.choice import compare_preferences
from cogo.cli.ids import TaskArgument, find_task_id
from cogo.cli.listing import print_rows
from cogo.cli.options import AsJson, Dir, Since, parse_since
from cogo.cli.session import run_with_store
from cogo.errors import UsageError
from cogo.evaluation.routing.export import LEAST_STRENGTH, export_answers
from cogo.terminal import print_json, print_line, print_table, print_text, shorten
from cogo.watch.format import format_cost, format_milliseconds, mark_simulated
from protocol.records import SelectionRow
from protocol.records.models import (
    CheckRow,
    DeploymentRow,
    ModelOutcomes,
    ModelReport,
    ModelSwitch,
    OutcomeRow,
)
from protocol.store.gateway import GatewayStore

_HEADINGS: Final = (
    "MODEL", "HEALTH", "CHOSEN", "TRIED", "ANSWERED", "FIRST", "P50", "P95", "TOKENS IN", "OUT",
    "COST", "LIKED", "BAD CALLS",
)  # fmt: skip
_DROPPED: Final = ("TOKENS IN", "OUT", "P95", "LIKED", "CHOSEN", "FIRST", "P50", "BAD CALLS")
"""Columns that a narrow terminal leaves out, the least important first."""
_CALL_SHARES: Final = ("repaired", "rejected", "as_text", "failed")
_SWITCHES: Final = 10
_HEALTH_HEADINGS: Final = (
    "DEPLOYMENT", "STATE", "WAIT", "ANSWERED", "FAILED", "RUNNING", "ROOM", "LAST ERROR",
)  # fmt: skip
_ERROR_WIDTH: Final = 60
_MOST_CANDIDATES: Final = 8
_MOST_EXCLUDED: Final = 5
_OUTCOME_HEADINGS: Final = (
    "MODEL", "KIND", "QUALITY", "JUDGED BY", "ANSWERED", "TOKENS IN", "CACHED", "OUT", "COST",
    "TIME",
)  # fmt: skip
_SIMULATED_DO_NOT_COUNT: Final = "answers of the vendor simulator do not count"
_CHECK_HEADINGS: Final = ("CHECK", "KIND", "GOOD ACCEPTED", "BAD ACCEPTED")


def show_stats(*, since: Since = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show how models perform.

    Shows how often each was chosen and answered, its latency, tokens, cost and ratings, and the
    latest switches from one model to another, in the last day or since --since. The health is
    the current one, derived from traffic. BAD CALLS is the share of the calls of tools that could
    not be run, and of how many attempts that is known, where recent ones count more.

    Examples:
        cogo models stats
        cogo models stats --since 7d --json
    """
    moment = parse_since(since)

    async def read(
        store: GatewayStore,
    ) -> tuple[list[ModelReport], list[ModelSwitch], ModelOutcomes]:
        return (
            await store.model_report(since=moment),
            await store.fetch_switches(limit=_SWITCHES),
            await store.model_outcomes(),
        )

    report, switches, found = run_with_store(directory, read)
    calls = sum_calls(found.outcomes)
    if as_json:
        print_json({"models": report, "switches": switches, "calls": calls})
        return
    if not report:
        print_line("no model was chosen or called in this period")
    else:
        rows = (_cells(row, calls.get(row.model_id)) for row in report)
        print_table(_HEADINGS, rows, drop=_DROPPED)
    for row in switches:
        print_text(
            f"{row.at:%Y-%m-%d %H:%M:%S}  {row.subject}  {row.was} -> {row.became}"
            f"  {row.reason} ({row.who})",
            indent=4,
        )


def show_outcomes(
    *,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the answers that were judged into a new .csv or .csv.gz file."),
    ] = None,
    since: Since = None,
    min_strength: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="With --export: leave out what only weaker judgements are known of "
            f"(default: {LEAST_STRENGTH}).",
        ),
    ] = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="With --export: write the texts of prompts, too.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show what is known of models by kind of work, or export the answers behind it.

    QUALITY is the share of good answers among the judged ones. JUDGED BY says what judged them,
    with the weight of each: feedback and tests count most, data that follows its schema little,
    and what is older less. Then how often each check accepts answers that something stronger
    found good, and bad.

    With --export each answer that was judged is a row of a file that `cogo eval routing` reads: a
    hash of what was asked, the model, the strongest judgement, the cost and the kind of work.

    Examples:
        cogo models outcomes
        cogo models outcomes --json
        cogo models outcomes --export answers.csv && cogo eval routing answers.csv
        cogo models outcomes --export answers.csv.gz --since 30d --min-strength 0.5 --prompts
    """
    if export is not None:
        _export(directory, export, since, min_strength, prompts=prompts, as_json=as_json)
        return
    if since is not None or min_strength is not None or prompts:
        raise UsageError("--since, --min-strength and --prompts need --export FILE")
    found = run_with_store(directory, lambda store: store.model_outcomes())
    if as_json:
        print_json(found)
        return
    rows = [each for each in found.outcomes if not each.after]
    if not rows:
        print_line(f"no model has answered yet; {_SIMULATED_DO_NOT_COUNT}")
        return
    print_table(
        _OUTCOME_HEADINGS,
        map(_outcome_cells, rows),
        drop=("CACHED", "TOKENS IN", "OUT", "TIME", "COST", "ANSWERED"),
    )
    if found.checks:
        print_line("")
        print_table(_CHECK_HEADINGS, map(_check_cells, found.checks))


def _export(
    directory: Path | None,
    file: Path,
    since: str | None,
    min_strength: float | None,
    *,
    prompts: bool,
    as_json: bool,
) -> None:
    moment = parse_since(since)
    least = LEAST_STRENGTH if min_strength is None else min_strength
    done = run_with_store(
        directory,
        lambda store: export_answers(
            store, file, since=moment, least_strength=least, with_prompts=prompts
        ),
    )
    if as_json:
        print_json({"file": str(file), "answers": done.answers, "left_out": done.left_out})
        return
    print_text(
        f"wrote {done.answers:,} judged answers to {file}; {done.left_out:,} were left out, judged "
        "too weakly or too long ago"
        + ("" if done.answers or done.left_out else f"; {_SIMULATED_DO_NOT_COUNT}")
    )


def explain_choice(
    *,
    task: TaskArgument,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Explain why a task got its models.

    Shows each choice with the kind of work, its reason, the expected quality, cost and time of the
    first candidates, why others are excluded, and what other preferences would have taken. Answers
    of the vendor simulator are free, so prices do not count there.

    Examples:
        cogo models why 3f2a9c1e
        cogo models why 3f2a9c1e --json
    """

    async def read(store: GatewayStore) -> list[SelectionRow]:
        task_id = await find_task_id(store, task)
        await store.fetch_task(task_id=task_id)  # raises NotFound for a wrong id
        return await store.fetch_selections(task_id=task_id)

    selections = run_with_store(directory, read)
    if as_json:
        print_json([row.model_dump(mode="json") | _build_what_ifs(row) for row in selections])
        return
    if not selections:
        print_line("no model was chosen for this task yet")
    for row in selections:
        print_line(f"{row.selected_model}  (policy {row.policy or '-'}{_format_kind(row)})")
        print_text(f"  {row.reason}", indent=2)
        for line in _list_candidates(row):
            print_text(f"  {line}", indent=2)
        for line in _list_what_ifs(row):
            print_text(f"  {line}", indent=2)


def _list_candidates(row: SelectionRow) -> Iterator[str]:
    """Yield the first candidates, those that another preference takes, and who is left out."""
    by_reason: dict[str, list[str]] = {}
    considered: list[Mapping[str, Any]] = []
    is_all_aside = all(each.get("refused") or each.get("set_aside") for each in row.candidates)
    for each in row.candidates:
        why = each.get("refused") or (not is_all_aside and each.get("set_aside"))
        if why or not each.get("expected"):
            by_reason.setdefault(str(why or "not estimated"), []).append(str(each.get("model_id")))
        else:
            considered.append(each)
    shown = [
        each
        for place, each in enumerate(considered)
        if place < _MOST_CANDIDATES or each.get("preferred_by")
    ]
    yield from map(_format_candidate, shown)
    if len(shown) < len(considered):
        yield f"and {len(considered) - len(shown)} others (--json prints all)"
    for why, names in by_reason.items():
        more = len(names) - _MOST_EXCLUDED
        others = f" and {more} others" if more > 0 else ""
        yield f"excluded: {', '.join(names[:_MOST_EXCLUDED])}{others}: {why}"


def _list_what_ifs(row: SelectionRow) -> Iterator[str]:
    """Yield what each other preference takes, or that all take the same."""
    found = compare_preferences(row.candidates, row.selected_model or "", row.policy)
    for each in found:
        yield each.sentence()
    if not found and any(each.get("preferred_by") for each in row.candidates):
        yield "every other preference takes the same model"


def show_health(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show which deployments respond.

    Derived from calls of the last minutes; recent calls count more. States: closed (in use), open
    (not used after repeated failures), half_open (one call tests it) and resting (the vendor asked
    to wait).

    Examples:
        cogo models health
        cogo models health --json
    """
    print_rows(
        run_with_store(directory, lambda store: store.fetch_deployments()),
        _HEALTH_HEADINGS,
        _health_cells,
        as_json=as_json,
        empty="no calls yet; health is derived from calls",
        drop=("ROOM", "RUNNING", "WAIT"),
    )


def _health_cells(row: DeploymentRow) -> tuple[str, ...]:
    error = row.last_error or {}
    text = f"{error.get('class')}: {error.get('message')}" if error else "-"
    return (
        row.deployment,
        row.state,
        f"{row.wait_seconds:.0f} s" if row.wait_seconds else "-",
        str(row.answered),
        str(row.failed),
        str(row.running),
        str(row.concurrency),
        shorten(text, _ERROR_WIDTH),
    )


def _outcome_cells(row: OutcomeRow) -> tuple[str, ...]:
    return (
        row.model_id,
        row.kind,
        f"{row.good / row.judged:.0%}" if row.sources else "-",
        _format_sources(row.sources) or "nobody",
        f"{row.answered:.1f}",
        _format_count(row.input_tokens),
        _format_count(row.cached_tokens),
        _format_count(row.output_tokens),
        format_cost(None if row.cost_usd is None else Decimal(str(row.cost_usd))),
        format_milliseconds(row.total_ms),
    )


def _check_cells(row: CheckRow) -> tuple[str, ...]:
    return (
        row.source,
        row.kind,
        _format_share(row.good_passed, row.good),
        _format_share(row.bad_passed, row.bad),
    )


def _format_count(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _format_share(part: float, whole: float) -> str:
    return f"{part / whole:.0%} of {whole:.1f}" if whole else "-"


def sum_calls(rows: Iterable[OutcomeRow]) -> dict[str, dict[str, float]]:
    """Return what became of the calls of models that called tools: shares over all kinds of work.

    `attempts` is their weight, `failed` the share of them that ended since no call could be run.
    """
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.after or row.called <= 0:
            continue
        sums = found.setdefault(row.model_id, dict.fromkeys(("attempts", *_CALL_SHARES), 0.0))
        sums["attempts"] += row.called
        for name in _CALL_SHARES:
            sums[name] += row.called * (getattr(row, f"calls_{name}") or 0.0)
    return {
        model: {"attempts": sums["attempts"]}
        | {name: sums[name] / sums["attempts"] for name in _CALL_SHARES}
        for model, sums in found.items()
    }


def _cells(row: ModelReport, calls: Mapping[str, float] | None) -> tuple[str, ...]:
    return (
        mark_simulated(row.model_id, simulated=row.simulated),
        row.health,
        str(row.selections),
        str(row.attempts),
        "-" if row.availability is None else f"{row.availability:.0%}",
        format_milliseconds(row.first_token_ms_p50),
        format_milliseconds(row.duration_ms_p50),
        format_milliseconds(row.duration_ms_p95),
        str(row.input_tokens),
        str(row.output_tokens),
        format_cost(row.cost_usd),
        "-" if row.satisfaction is None else f"{row.satisfaction:.0%} of {row.ratings}",
        f"{calls['rejected']:.0%} of {calls['attempts']:.0f}" if calls else "-",
    )


def _format_kind(row: SelectionRow) -> str:
    needs = row.requirements or {}
    kind = needs.get("kind") or needs.get("taskType")
    return f", {kind}" if isinstance(kind, str) else ""


def _format_sources(sources: Mapping[str, float]) -> str:
    """Return what judged, with the weight of each, the most first."""
    ordered = sorted(sources.items(), key=lambda each: -each[1])
    return ", ".join(f"{name} {weight:.1f}" for name, weight in ordered)


def _format_candidate(each: Mapping[str, Any]) -> str:
    expected = each["expected"]
    cost = expected.get("cost_usd")
    price = "no known price" if cost is None else f"${cost:.4f}"
    low, high = expected.get("low"), expected.get("high")
    between = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    judged = _format_sources(expected.get("judged_by") or {})
    rejected = expected.get("rejected_calls")
    calls = f", {rejected:.0%} of its calls rejected" if rejected else ""
    time = format_milliseconds(expected["total_ms"])
    return (
        f"{each.get('rank') or '-'} {each.get('model_id')}: "
        f"quality {expected['quality']:.2f}{between} from {expected['outcomes']} outcomes"
        f"{f' ({judged})' if judged else ''}, {price}, {time}{calls}"
    )


def _build_what_ifs(row: SelectionRow) -> dict[str, Any]:
    found = compare_preferences(row.candidates, row.selected_model or "", row.policy)
    return {
        "what_if": [
            {
                "preference": each.preference.value,
                "policy": each.policy.value,
                "model_id": each.model_id,
                "cheaper": each.cheaper,
                "faster": each.faster,
            }
            for each in found
        ]
    }
