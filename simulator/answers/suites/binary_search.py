"""Tests of a binary search."""

from simulator.answers.programs.binary_search import binary_search


def test_a_search_finds_each_item() -> None:
    assert [binary_search([1, 3, 5], target) for target in (1, 3, 5)] == [0, 1, 2]


def test_a_search_finds_the_first_of_equal_items() -> None:
    assert binary_search([1, 3, 3, 3, 5], 3) == 1


def test_a_search_between_the_items_finds_nothing() -> None:
    assert binary_search([1, 3, 5], 4) == -1


def test_a_search_beyond_the_last_item_finds_nothing() -> None:
    assert binary_search([1, 3, 5], 6) == -1


def test_a_search_in_nothing_finds_nothing() -> None:
    assert binary_search([], 4) == -1
