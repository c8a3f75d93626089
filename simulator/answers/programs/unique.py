"""Duplicates removed in linear time: the usual first optimisation of nested loops."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def unique(items: Iterable[T]) -> list[T]:
    """Return the items without duplicates, in the order of their first occurrence.

    Looking each item up in the result list would take O(n * n) comparisons. A dictionary keeps
    the order and answers in constant time, which makes it O(n).
    """
    return list(dict.fromkeys(items))
