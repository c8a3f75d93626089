"""Merge sort."""

from collections.abc import Sequence


def merge_sort(items: Sequence[int]) -> list[int]:
    """Return the items in ascending order; equal items keep their order.

    Takes O(n log n) comparisons in every case and O(n) space; the input is left as it was. In
    production the built-in sorted() does the same faster.
    """
    result = list(items)
    width = 1
    while width < len(result):
        for start in range(0, len(result), 2 * width):
            middle, end = start + width, start + 2 * width
            result[start:end] = _merge(result[start:middle], result[middle:end])
        width *= 2
    return result


def _merge(left: list[int], right: list[int]) -> list[int]:
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if right[j] < left[i]:
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    return merged + left[i:] + right[j:]
