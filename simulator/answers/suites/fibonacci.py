"""Tests of Fibonacci numbers."""

import pytest

from simulator.answers.programs.fibonacci import fibonacci


def test_the_first_fibonacci_numbers_are_right() -> None:
    assert [fibonacci(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]


def test_each_fibonacci_number_is_the_sum_of_the_two_before_it() -> None:
    assert all(fibonacci(n) == fibonacci(n - 1) + fibonacci(n - 2) for n in range(2, 40))


def test_large_fibonacci_numbers_are_exact() -> None:
    assert fibonacci(90) == 2880067194370816120


def test_negative_fibonacci_numbers_are_refused() -> None:
    with pytest.raises(ValueError):
        fibonacci(-1)
