"""Tests of an LRU cache."""

import pytest

from simulator.answers.programs.lru_cache import LRUCache


def test_a_cache_returns_what_was_put_into_it() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    cache.put("a", 1)

    assert cache.get("a") == 1


def test_a_cache_replaces_the_value_of_a_key() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    cache.put("a", 1)
    cache.put("a", 2)

    assert cache.get("a") == 2


def test_a_full_cache_evicts_the_oldest_entry() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    for number, key in enumerate("abc"):
        cache.put(key, number)

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, 1, 2)


def test_reading_an_entry_keeps_it_in_the_cache() -> None:
    cache: LRUCache[str, int] = LRUCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)

    assert (cache.get("a"), cache.get("b")) == (1, None)


def test_a_cache_needs_room() -> None:
    with pytest.raises(ValueError):
        LRUCache(0)
