"""Reports as text and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from benchmarks.simulation.accounts import Worth
from benchmarks.simulation.environment import Review, Verdict
from benchmarks.simulation.traffic import Shift

_WORTH: Final = (
    "", "worth", "good", "$ a task", "p50 s", "regret fixed", "regret oracle", "from chance",
)  # fmt: skip
_OUTAGES: Final = (
    "", "outage of", "from s", "to s", "before", "moved", "tries", "back after",
)  # fmt: skip
_NOTES: Final = """\
worth: the strategy's own score, of what really came of a task; regret fixed, oracle: how much
more the best fixed model and the oracle (one call, by what only the script knows) have; from
chance: how far up from a random model to the oracle"""
_OUTAGE_NOTES: Final = """\
before: the model's share of tasks; moved: how much of that went elsewhere from 30 s on; tries:
tasks that it got all the same, to see whether it is back; back after: until it had 80% again"""


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return all results; a negative regret means that the policy did better."""
    bars = verdict.bars
    return {
        "seed": verdict.seed,
        "tasks": verdict.tasks,
        "best_fixed": bars.best_fixed,
        "fixed": {name: asdict(each) for name, each in bars.fixed.items()},
        "oracle": asdict(bars.oracle),
        "chance": bars.chance,
        "policies": {
            each.policy.value: asdict(each.worth)
            | _regrets(verdict, each)
            | {"outages": [asdict(shift) for shift in each.shifts]}
            for each in verdict.reviews
        },
    }


def as_text(verdict: Verdict) -> str:
    """Return a table of the policies and one of the outages."""
    bars = verdict.bars
    fixed = bars.best_fixed
    table = [
        *(_policy(verdict, each) for each in verdict.reviews),
        (f"always {fixed}", *_figures(bars.fixed[fixed])),
        ("oracle", *_figures(bars.oracle)),
        ("chance", f"{bars.chance:.3f}"),
    ]
    outages = [_outage(each, shift) for each in verdict.reviews for shift in each.shifts]
    parts = [f"{verdict.tasks} tasks, seed {verdict.seed}", _table(_WORTH, table), _NOTES]
    if outages:
        parts += [_table(_OUTAGES, outages), _OUTAGE_NOTES]
    return "\n\n".join(parts)


def _regrets(verdict: Verdict, review: Review) -> dict[str, float]:
    bars, worth = verdict.bars, review.worth.worth
    return {
        "regret_best_fixed": bars.fixed[bars.best_fixed].worth - worth,
        "regret_oracle": bars.oracle.worth - worth,
        "closed": bars.closed(worth),
    }


def _policy(verdict: Verdict, review: Review) -> Sequence[str]:
    found = _regrets(verdict, review)
    return (
        review.policy.value,
        *_figures(review.worth),
        f"{found['regret_best_fixed']:+.3f}",
        f"{found['regret_oracle']:+.3f}",
        f"{found['closed']:.0%}",
    )


def _figures(worth: Worth) -> Sequence[str]:
    return f"{worth.worth:.3f}", f"{worth.quality:.1%}", f"{worth.usd:.5f}", f"{worth.seconds:.1f}"


def _outage(review: Review, shift: Shift) -> Sequence[str]:
    back = "never" if shift.returned_s is None else f"{shift.returned_s:.0f} s"
    return (
        review.policy.value,
        shift.model,
        f"{shift.start:.0f}",
        f"{shift.end:.0f}",
        f"{shift.before:.0%}",
        "-" if shift.moved is None else f"{shift.moved:.0%}",
        str(shift.tries),
        back if shift.before else "-",
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    full = [head, *([*row, *[""] * (len(head) - len(row))] for row in rows)]
    widths = [max(len(row[column]) for row in full) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in full
    )
