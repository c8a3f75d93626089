"""Cost-quality curves and their area (AIQ, arXiv 2403.12031)."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Point(NamedTuple):
    """A mean over prompts: dollars per prompt, and quality from 0 to 1."""

    cost: float
    quality: float


def hull(points: Iterable[Point]) -> list[Point]:
    """Return the non-decreasing convex hull, the cheapest point first.

    Every point between two of its points can be reached by splitting the prompts between them; the
    first point is (0, 0), which means answering nothing.
    """
    kept: list[Point] = [Point(0.0, 0.0)]
    for point in sorted(points, key=lambda each: (each.cost, -each.quality)):
        if point.quality <= kept[-1].quality:
            continue
        while len(kept) > 1 and _slope(kept[-2], point) >= _slope(kept[-2], kept[-1]):
            kept.pop()
        kept.append(point)
    return kept


def at(curve: Sequence[Point], cost: float) -> float:
    """Return the quality of a hull at a cost."""
    for left, right in pairwise(curve):
        if cost < right.cost:
            return left.quality + (cost - left.cost) * _slope(left, right)
    return curve[-1].quality


def aiq(points: Iterable[Point], *, low: float, high: float) -> float:
    """Return the mean height of the hull between two costs."""
    curve = hull(points)
    if high <= low:
        return at(curve, low)
    stops = sorted({low, high, *(each.cost for each in curve if low < each.cost < high)})
    area = sum(
        (right - left) * (at(curve, left) + at(curve, right)) / 2 for left, right in pairwise(stops)
    )
    return area / (high - low)


def cost_of(points: Iterable[Point], quality: float) -> float | None:
    """Return the least cost at which a hull reaches a quality, or None."""
    curve = hull(points)
    for left, right in pairwise(curve):
        if right.quality >= quality:
            share = (quality - left.quality) / (right.quality - left.quality)
            return left.cost + max(share, 0.0) * (right.cost - left.cost)
    return None


def _slope(left: Point, right: Point) -> float:
    rise, run = right.quality - left.quality, right.cost - left.cost
    return float("inf") if run <= 0 else rise / run
