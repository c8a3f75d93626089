"""Convex hulls, their areas, and the cost of a quality."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.routing.curve import Point, aiq, at, cost_of, hull

POINTS = st.lists(st.builds(Point, st.floats(0.01, 10), st.floats(0, 1)), min_size=1, max_size=12)


def test_a_hull_leaves_out_what_a_mix_of_two_beats() -> None:
    points = [Point(1, 0.5), Point(2, 0.52), Point(3, 0.8), Point(4, 0.7)]

    assert hull(points) == [Point(0, 0), Point(1, 0.5), Point(3, 0.8)]
    assert at(hull(points), 2) == pytest.approx(0.65)
    assert aiq(points, low=1, high=5) == pytest.approx((0.65 * 2 + 0.8 * 2) / 4)
    assert cost_of(points, 0.65) == pytest.approx(2)
    assert cost_of(points, 0.9) is None


@given(points=POINTS)
def test_a_hull_is_never_below_a_point_and_never_falls(points: list[Point]) -> None:
    curve = hull(points)

    assert all(at(curve, each.cost) >= each.quality - 1e-9 for each in points)
    assert all(left.quality <= right.quality for left, right in pairwise(curve))


@given(points=POINTS, more=POINTS)
def test_more_settings_never_make_the_area_smaller(points: list[Point], more: list[Point]) -> None:
    assert aiq([*points, *more], low=0.01, high=10) >= aiq(points, low=0.01, high=10) - 1e-9
