"""The curves of an evaluation as SVG: quality by cost, and what is learned by answers judged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from statistics import fmean
from typing import Final

from cogo.evaluation.routing.evaluation import Split
from cogo.evaluation.routing.figures import RoutingFigures, summarize_splits
from cogo.evaluation.routing.records import Point

WIDTH: Final = 1080
HEIGHT: Final = 980
_LEFT: Final = 70
_RIGHT: Final = 330
"""Space for the legend."""
_COLOURS: Final = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#e377c2",
    "#bcbd22", "#393b79", "#637939", "#843c39",
)  # fmt: skip
_SINGLE: Final = "#999999"
_LEAST_COST: Final = 1e-3
"""A free model is drawn at this share of the lowest cost above 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together, each with what it is."""

    name: str
    points: Sequence[tuple[float, float, str]]
    """Across, up, and the text that shows when a reader points there."""
    colour: str
    is_dashed: bool = False
    is_joined: bool = True


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of the picture with axes of its own."""

    top: float
    height: float
    low: float
    high: float
    floor: float
    roof: float

    @property
    def width(self) -> float:
        return WIDTH - _LEFT - _RIGHT

    def place(self, across: float, up: float) -> tuple[float, float]:
        x = (across - self.low) / (self.high - self.low)
        y = (up - self.floor) / (self.roof - self.floor)
        return _LEFT + x * self.width, self.top + (1 - y) * self.height


def draw(splits: Sequence[Split], *, title: str) -> str:
    """Return the picture of the means over all splits."""
    figures = summarize_splits(splits)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}: quality by cost</text>',
            *_draw_costs(splits, figures),
            f'<text x="{_LEFT}" y="632" font-size="15">Points against the best single model, by '
            "answers judged</text>",
            *_draw_learning(figures),
            "</svg>\n",
        )
    )


def _draw_costs(splits: Sequence[Split], figures: Sequence[RoutingFigures]) -> Iterator[str]:
    lines = list(_list_cost_lines(splits, figures))
    points = [point for line in lines for point in line.points]
    paid = [cost for cost, _, _ in points if cost > 0] or [1.0]
    least = min(paid) * (_LEAST_COST if len(paid) < len(points) else 1.0)
    scaled = [
        Line(
            line.name,
            [(log10(max(cost, least)), up, text) for cost, up, text in line.points],
            line.colour,
            line.is_dashed,
            line.is_joined,
        )
        for line in lines
    ]
    low = floor(log10(least) * 2) / 2
    panel = _Panel(
        40, 500, low, max(ceil(log10(max(paid)) * 2) / 2, low + 0.5), *_bound(points, 0.05)
    )
    for power in range(ceil(panel.low), floor(panel.high) + 1):
        yield from _mark_across(panel, power, f"${10.0**power:g}")
    yield from _mark_up(panel, 0.05, "{:.2f}")
    middle = _LEFT + panel.width / 2
    yield f'<text x="{middle}" y="578" text-anchor="middle">dollars a prompt</text>'
    yield from _draw_lines(panel, scaled)


def _list_cost_lines(splits: Sequence[Split], figures: Sequence[RoutingFigures]) -> Iterator[Line]:
    singles = [
        Point(
            fmean(split.singles[m].cost for split in splits),
            fmean(split.singles[m].quality for split in splits),
        )
        for m in range(len(splits[0].models))
    ]
    named = [
        (each.cost, each.quality, name)
        for each, name in zip(singles, splits[0].models, strict=True)
    ]
    yield Line("models alone", named, _SINGLE, is_joined=False)
    colours = iter(_COLOURS * 4)
    for regime in ("learned", "cold"):
        groups = dict.fromkeys((each.name, each.check) for each in figures if each.regime == regime)
        for name, check in groups:
            points = [
                (each.cost_usd, each.quality, f"{name} {each.preference}")
                for each in figures
                if (each.regime, each.name, each.check) == (regime, name, check)
            ]
            label = f"{name}, {regime}" + (f", check {check}" if check else "")
            yield Line(label, sorted(points), next(colours), is_dashed=regime == "cold")
    for each in figures:
        if each.name in {"oracle", "best by category"}:
            point = (each.cost_usd, each.quality, each.name)
            yield Line(each.name, [point], next(colours), is_joined=False)
    for check, ceiling in splits[0].ceilings.items():
        frontier = [
            (
                each.point.cost,
                each.point.quality,
                " > ".join(splits[0].models[m] for m in each.plan),
            )
            for each in ceiling.frontier
        ]
        yield Line(f"best cascades, check {check}", frontier, "#bbbbbb", is_dashed=True)


def _draw_learning(figures: Sequence[RoutingFigures]) -> Iterator[str]:
    learning = [each for each in figures if each.regime == "learning"]
    steps = sorted({each.answers or 0 for each in learning})
    if not steps:
        return
    names = dict.fromkeys(each.name for each in learning)
    lines = [
        Line(
            name,
            [
                (steps.index(each.answers or 0), each.points, f"{each.points:+.1f} points")
                for each in learning
                if each.name == name
            ],
            colour,
        )
        for name, colour in zip(names, _COLOURS, strict=False)
    ]
    points = [(0.0, 0.0, ""), *(point for line in lines for point in line.points)]
    panel = _Panel(650, 260, -0.2, len(steps) - 0.8, *_bound(points, 5))
    for number, step in enumerate(steps):
        yield from _mark_across(panel, number, f"{step:,}")
    yield from _mark_up(panel, 5, "{:+.0f}")
    yield from _draw_lines(panel, lines)


def _bound(points: Sequence[tuple[float, float, str]], step: float) -> tuple[float, float]:
    ups = [up for _, up, _ in points]
    low = floor(min(ups) / step) * step
    return low, max(ceil(max(ups) / step) * step, low + step)


def _mark_across(panel: _Panel, across: float, text: str) -> Iterator[str]:
    x, _ = panel.place(across, panel.floor)
    bottom = panel.top + panel.height
    yield f'<line x1="{x:.1f}" y1="{panel.top}" x2="{x:.1f}" y2="{bottom}" stroke="#ddd"/>'
    yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>'


def _mark_up(panel: _Panel, step: float, form: str) -> Iterator[str]:
    count = round((panel.roof - panel.floor) / step)
    every = max(1, ceil(count / 12))
    for number in range(0, count + 1, every):
        up = panel.floor + number * step
        _, y = panel.place(panel.low, up)
        yield (
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + panel.width}" y2="{y:.1f}" '
            f'stroke="#ddd"/><text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{form.format(up)}</text>"
        )


def _draw_lines(panel: _Panel, lines: Sequence[Line]) -> Iterator[str]:
    for number, line in enumerate(lines):
        placed = [panel.place(across, up) for across, up, _ in line.points]
        dashes = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        if line.is_joined and len(placed) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            yield (
                f'<polyline points="{path}" fill="none" stroke="{line.colour}" '
                f'stroke-width="1.5"{dashes}/>'
            )
        radius = 3 if len(placed) > 8 else 4.5
        fill = "none" if line.is_dashed else line.colour
        for (x, y), (_, _, text) in zip(placed, line.points, strict=True):
            yield (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" '
                f'stroke="{line.colour}"><title>{escape(text)}</title></circle>'
            )
        at = panel.top + 10 + 19 * number
        left = _LEFT + panel.width + 20
        yield (
            f'<line x1="{left}" y1="{at}" x2="{left + 18}" y2="{at}" stroke="{line.colour}" '
            f'stroke-width="3"{dashes}/>'
            f'<text x="{left + 26}" y="{at + 4}">{escape(line.name)}</text>'
        )
