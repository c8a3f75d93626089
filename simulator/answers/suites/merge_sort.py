"""Tests of a sort."""

from simulator.answers.programs.merge_sort import merge_sort


def test_numbers_are_sorted() -> None:
    assert merge_sort([3, 1, 2]) == [1, 2, 3]


def test_nothing_sorted_is_nothing() -> None:
    assert merge_sort([]) == []


def test_equal_numbers_are_kept_when_sorted() -> None:
    assert merge_sort([2, 1, 2, 1]) == [1, 1, 2, 2]


def test_sorting_leaves_its_input_as_it_was() -> None:
    items = [3, -1, 2]

    assert merge_sort(items) == [-1, 2, 3]
    assert items == [3, -1, 2]


def test_many_numbers_are_sorted() -> None:
    items = [(number * 7919) % 101 for number in range(1_000)]

    assert merge_sort(items) == sorted(items)
