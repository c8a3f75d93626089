"""How traffic leaves a model during an outage, and returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cogo.evaluation.simulation.run import SimulatedTask
from cogo.evaluation.simulation.scenario import Scenario

SOON_S: Final = 30.0
BACK: Final = 0.8
"""Share of its earlier traffic at which a model counts as restored."""
_WINDOW_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One outage. Shares are of the arriving tasks, by the model of their first stamp."""

    model: str
    start: float
    end: float
    before: float
    """The model's share in a period before, as long as the outage."""
    left_s: float | None
    """Seconds from the first failure to the first task that was moved."""
    moved: float | None
    """Share of its traffic that had moved by 30 s, from then to the end of the outage."""
    tries: int
    """Tasks that were still sent there after 30 s, as trials."""
    returned_s: float | None
    """Seconds after its end until it had 0.8 of its share again; None if never."""


def find_shifts(served: Sequence[SimulatedTask], scenario: Scenario) -> list[Shift]:
    """Return the shift of each outage."""
    return [
        _build_shift(served, name, change.start, min(change.end, scenario.seconds), scenario.step_s)
        for name, model in scenario.models.items()
        for change in model.changes
        if change.is_outage and change.start < scenario.seconds
    ]


def _build_shift(
    served: Sequence[SimulatedTask], model: str, start: float, end: float, step_s: float
) -> Shift:
    before = _compute_share(served, model, max(0.0, start - (end - start)), start) or 0.0
    soon = start + SOON_S
    late = [each for each in served if soon <= each.second < end]
    still = _compute_share(served, model, soon, end)
    elsewhere = [
        each.second for each in served if start <= each.second < end and each.first_model != model
    ]
    back = None
    second = end
    while before and second + _WINDOW_S <= max(each.second for each in served) + step_s:
        if (_compute_share(served, model, second, second + _WINDOW_S) or 0.0) >= BACK * before:
            back = second - end
            break
        second += step_s
    return Shift(
        model=model,
        start=start,
        end=end,
        before=before,
        left_s=min(elsewhere) - start if before and elsewhere else None,
        moved=1 - still / before if before and still is not None else None,
        tries=sum(each.first_model == model for each in late),
        returned_s=back,
    )


def _compute_share(
    served: Sequence[SimulatedTask], model: str, start: float, end: float
) -> float | None:
    """Return the share, or None without tasks."""
    there = [each.first_model == model for each in served if start <= each.second < end]
    return sum(there) / len(there) if there else None
