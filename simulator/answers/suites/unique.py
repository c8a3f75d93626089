"""Tests of the removal of duplicates."""

from simulator.answers.programs.unique import unique


def test_duplicates_are_removed() -> None:
    assert unique([1, 1, 2, 1]) == [1, 2]


def test_the_order_of_first_occurrences_is_kept() -> None:
    assert unique([3, 1, 3, 2, 1]) == [3, 1, 2]


def test_nothing_has_no_duplicates() -> None:
    assert unique([]) == []


def test_any_hashable_items_may_have_duplicates() -> None:
    assert unique(["a", None, "a", (1, 2), None]) == ["a", None, (1, 2)]
