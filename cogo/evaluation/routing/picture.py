"""The curves of an evaluation as SVG: quality by cost, and what is learned by answers judged."""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from statistics import fmean
from typing import Final

from cogo.evaluation.drawing import (
    COLOURS,
    Axes,
    Line,
    draw_document,
    draw_lines,
    draw_title,
    find_bounds,
    label_across,
    mark_across,
    mark_up,
)
from cogo.evaluation.routing.evaluation import Split
from cogo.evaluation.routing.figures import RoutingFigures, summarize_splits
from cogo.evaluation.routing.records import Point

_HEIGHT: Final = 980
_SINGLE: Final = "#999999"
_IN_HINDSIGHT: Final = {"oracle": "#000000", "best by category": "#666666"}
"""Colours that no policy has."""
_LEAST_COST: Final = 1e-3
"""A free model is drawn at this share of the lowest cost above 0."""


def draw(splits: Sequence[Split], *, title: str) -> str:
    """Return the picture of the means over all splits."""
    figures = summarize_splits(splits)
    parts = (
        draw_title(22, f"{title}: quality by cost"),
        *_draw_costs(splits, figures),
        draw_title(632, "Points against the best single model, by answers judged"),
        *_draw_learning(figures),
    )
    return draw_document(_HEIGHT, parts)


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
    panel = Axes(
        40, 500, low, max(ceil(log10(max(paid)) * 2) / 2, low + 0.5), *find_bounds(points, 0.05)
    )
    for power in range(ceil(panel.low), floor(panel.high) + 1):
        yield from mark_across(panel, power, f"${10.0**power:g}")
    yield from mark_up(panel, 0.05, "{:.2f}")
    yield label_across(panel, "dollars a prompt")
    yield from draw_lines(panel, scaled)


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
    colours = iter(COLOURS * 4)
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
        if each.name in _IN_HINDSIGHT:
            point = (each.cost_usd, each.quality, each.name)
            yield Line(each.name, [point], _IN_HINDSIGHT[each.name], is_joined=False)
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
        for name, colour in zip(names, COLOURS, strict=False)
    ]
    points = [(0.0, 0.0, ""), *(point for line in lines for point in line.points)]
    panel = Axes(650, 260, -0.2, len(steps) - 0.8, *find_bounds(points, 5))
    for number, step in enumerate(steps):
        yield from mark_across(panel, number, f"{step:,}")
    yield from mark_up(panel, 5, "{:+.0f}")
    yield from draw_lines(panel, lines)
