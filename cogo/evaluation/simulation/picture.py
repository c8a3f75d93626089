"""Regret over virtual time as SVG: a line for each policy, and when something changed."""

from collections.abc import Iterator
from math import ceil, log10
from typing import Final

from cogo.evaluation.drawing import (
    COLOURS,
    Axes,
    Line,
    draw_document,
    draw_lines,
    draw_title,
    escape_text,
    find_bounds,
    label_across,
    mark_across,
    mark_up,
)
from cogo.evaluation.simulation.environment import Simulated

_HEIGHT: Final = 640
_DAY: Final = 86_400.0
_MOST_POINTS: Final = 200
_LEFT: Final = 74


def draw_simulation(simulated: Simulated, *, title: str) -> str:
    """Return the picture of a simulation."""
    return draw_document(
        _HEIGHT,
        (
            draw_title(22, f"{title}: dollars lost to an oracle that knows"),
            *_draw_regret(simulated),
        ),
    )


def _draw_regret(simulated: Simulated) -> Iterator[str]:
    scenario = simulated.scenario
    unit, name = (_DAY, "days") if scenario.seconds > 2 * _DAY else (60.0, "minutes")
    lines = []
    for run, colour in zip(simulated.runs, COLOURS * 2, strict=False):
        every = ceil(len(run.regret) / _MOST_POINTS)
        points = [
            (second / unit, regret, f"{run.policy.value}: ${regret:.2f}")
            for second, regret in zip(run.seconds, run.regret, strict=True)
        ]
        lines.append(Line(run.policy.value, points[::every] + points[-1:], colour))
    everywhere = [(0.0, 0.0, ""), *(point for line in lines for point in line.points)]
    span = max(up for _, up, _ in everywhere) - min(up for _, up, _ in everywhere)
    step = _round_step(span / 10)
    panel = Axes(40, 500, 0, scenario.seconds / unit, *find_bounds(everywhere, step))
    across = _round_step(panel.high / 8)
    for number in range(int(panel.high / across) + 1):
        yield from mark_across(panel, number * across, f"{number * across:g}")
    yield from mark_up(panel, step, "${:.3g}")
    yield label_across(panel, name)
    for number, (model, what, start, end) in enumerate(scenario.list_events()):
        left, _ = panel.place(start / unit, 0)
        right, _ = panel.place(end / unit, 0)
        y = panel.top + panel.height - 8 - 15 * number
        yield (
            f'<line x1="{left:.1f}" y1="{y}" x2="{right:.1f}" y2="{y}" stroke="#ccc" '
            f'stroke-width="11" stroke-opacity="0.6"/>'
        )
        at = max(min(left, _LEFT + panel.width - 240), _LEFT)
        text = escape_text(f"{model}: {what}")
        yield f'<text x="{at:.1f}" y="{y + 4}" font-size="11">{text}</text>'
    yield from draw_lines(panel, lines)


def _round_step(step: float) -> float:
    """Return the next number that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** (ceil(log10(step)) - 1) if step > 0 else 1.0
    return next(power * each for each in (1, 2, 5, 10) if power * each >= step * (1 - 1e-9))
