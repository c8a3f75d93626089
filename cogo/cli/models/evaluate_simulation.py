"""`cogo eval simulation`: COGO's choices in virtual time, while its models change."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from loguru import logger

from cogo.cli.options import AsJson
from cogo.cli.progress import open_bar
from cogo.errors import UsageError
from cogo.evaluation.pictures import check_picture_name, write_picture
from cogo.evaluation.simulation.environment import (
    Played,
    PolicyRun,
    Simulated,
    simulate,
    summarize_simulation,
)
from cogo.evaluation.simulation.picture import draw_simulation
from cogo.evaluation.simulation.regret import EventRegret, Worth
from cogo.evaluation.simulation.scenario import Scenario
from cogo.evaluation.simulation.traffic import Shift
from cogo.terminal import print_json, print_line, print_table, print_text
from protocol.records.models import PolicyName

_HEADINGS: Final = ("POLICY", "WORTH", "GOOD", "COST", "P50", "REGRET", "TO FIXED", "FROM CHANCE")
_EVENTS: Final = ("POLICY", "MODEL", "CHANGE", "BEFORE", "EARLY", "LATE", "AFTER")
_OUTAGES: Final = ("POLICY", "OUTAGE OF", "SHARE BEFORE", "MOVED", "TRIES", "BACK AFTER")
_SHORT_S: Final = 30.0
"""Steps that are longer do not show what happens within 30 s."""
_LEGEND: Final = (
    "WORTH: what a task came to, in cents: the worth of a good answer less the cost; REGRET: how "
    "much more an oracle has that knows the scenario and asks one model; TO FIXED: how much more "
    "the best model for everything has; FROM CHANCE: how far up from a random model to the oracle."
)
_EVENTS_LEGEND: Final = (
    "Regret in cents a task: in a time BEFORE the change, in its first quarter (EARLY), in the "
    "rest of it, and in a time AFTER it."
)
_OUTAGES_LEGEND: Final = (
    "MOVED: how much of the model's share of tasks went elsewhere from 30 s on; TRIES: tasks that "
    "it got all the same, to see whether it is back; BACK AFTER: until it had 80 % of its share."
)


def evaluate_simulation(
    *,
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="changes, outage, or a TOML file.")
    ] = "changes",
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Policy to play; repeatable (default: all of one model at a time)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the vendors' answers.")] = 1,
    plot: Annotated[
        Path | None, typer.Option(help="File to draw the regret into: .svg or .png.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how COGO chooses while models fail, change and arrive, in virtual time.

    The choice of models and the database are the real ones, on a temporary embedded Postgres with
    a clock that is set; the models follow the scenario. Prints what each policy came to, its
    regret against an oracle that knows, and what each change cost it.

    The scenario `changes` is four weeks with an outage, a price change, a new model and a model
    that becomes worse, `outage` is fifteen minutes with two outages; their files explain the format
    (cogo/evaluation/simulation/changes.toml). A policy takes about a minute.

    Examples:
        cogo eval simulation
        cogo eval simulation outage --policy rules --policy scored
        cogo eval simulation my-vendors.toml --plot regret.svg --json
    """
    # A single model answers here; and explore is another name of scored.
    left_out = {PolicyName.ENSEMBLE, PolicyName.EXPLORE}
    known = [each.value for each in PolicyName if each not in left_out]
    if unknown := set(policy or ()) - set(known):
        raise UsageError(f"--policy {min(unknown)}: use {', '.join(known)}")
    check_picture_name(plot)
    read = Scenario.read(scenario)
    policies = [PolicyName(each) for each in policy or known]
    logger.disable("agents")
    played: Played = {}
    try:
        steps = math.ceil(read.seconds / read.step_s) * len(policies)
        with open_bar("virtual time", steps, is_hidden=as_json) as bar:
            asyncio.run(simulate(read, policies, seed, played, bar.advance))
    except KeyboardInterrupt:
        print_text(f"interrupted after {len(played)} of {len(policies)} policies", err=True)
        if played:
            _show(summarize_simulation(read, seed, played), scenario, plot, as_json=as_json)
        raise
    _show(summarize_simulation(read, seed, played), scenario, plot, as_json=as_json)


def _show(done: Simulated, scenario: str, plot: Path | None, *, as_json: bool) -> None:
    if as_json:
        print_json(_build_report(done))
    else:
        _print(done)
    if plot is not None:
        write_picture(plot, draw_simulation(done, title=Path(scenario).stem))


def _build_report(done: Simulated) -> dict[str, Any]:
    baselines = done.baselines
    return {
        "seed": done.seed,
        "tasks": done.tasks,
        "best_fixed": baselines.best_fixed,
        "fixed": {name: asdict(each) for name, each in baselines.fixed.items()},
        "oracle": asdict(baselines.oracle),
        "chance_usd": baselines.chance,
        "policies": {
            each.policy.value: asdict(each.worth)
            | {
                "regret_usd": each.regret[-1],
                "regret_to_fixed_usd": baselines.fixed[baselines.best_fixed].usd - each.worth.usd,
                "from_chance": _compute_way(done, each.worth),
                "events": [asdict(event) for event in each.events],
                "outages": [asdict(shift) for shift in each.shifts],
                "seconds": list(each.seconds),
                "regret_by_task_usd": list(each.regret),
            }
            for each in done.runs
        },
    }


def _print(done: Simulated) -> None:
    baselines = done.baselines
    fixed = baselines.best_fixed
    print_text(
        f"{done.tasks} tasks, seed {done.seed}; a good answer is worth "
        f"${done.scenario.worth_usd:g}, preference {done.scenario.preference.value}.\n"
    )
    rows = [
        *((each.policy.value, each.worth) for each in done.runs),
        (f"always {fixed}", baselines.fixed[fixed]),
        ("oracle", baselines.oracle),
    ]
    print_table(_HEADINGS, [_list_cells(name, worth, done) for name, worth in rows], drop=("P50",))
    print_text(f"\n{_LEGEND}")
    events = [_list_event_cells(run, each) for run in done.runs for each in run.events]
    if events:
        print_line()
        print_table(_EVENTS, events)
        print_text(f"\n{_EVENTS_LEGEND}")
    outages = [_list_outage_cells(run, each) for run in done.runs for each in run.shifts]
    if outages and done.scenario.step_s < _SHORT_S:
        print_line()
        print_table(_OUTAGES, outages)
        print_text(f"\n{_OUTAGES_LEGEND}")


def _compute_way(done: Simulated, worth: Worth) -> float:
    """Return the share of the way from chance to the oracle."""
    way = done.baselines.oracle.usd - done.baselines.chance
    return (worth.usd - done.baselines.chance) / way if way > 0 else 1.0


def _list_cells(name: str, worth: Worth, done: Simulated) -> Sequence[str]:
    baselines = done.baselines
    return (
        name,
        _format_cents(worth.usd),
        f"{worth.quality:.1%}",
        _format_cents(worth.cost_usd),
        f"{worth.seconds:.0f} s",
        _format_cents(baselines.oracle.usd - worth.usd),
        _format_cents(baselines.fixed[baselines.best_fixed].usd - worth.usd),
        f"{_compute_way(done, worth):.0%}",
    )


def _list_event_cells(run: PolicyRun, each: EventRegret) -> Sequence[str]:
    regrets = (each.before, each.early, each.late, each.after)
    return (run.policy.value, each.model, each.what, *map(_format_cents, regrets))


def _list_outage_cells(run: PolicyRun, each: Shift) -> Sequence[str]:
    back = "never" if each.returned_s is None else f"{each.returned_s:.0f} s"
    return (
        run.policy.value,
        each.model,
        f"{each.before:.0%}",
        "-" if each.moved is None else f"{each.moved:.0%}",
        str(each.tries),
        back if each.before else "-",
    )


def _format_cents(usd: float | None) -> str:
    return "-" if usd is None else f"{100 * usd:.2f}"
