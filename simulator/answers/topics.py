"""The subjects that the simulator knows: their programs and the words that ask for them."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CodingTopic:
    """A subject of coding prompts, and the program that answers it."""

    words: re.Pattern[str]
    program: str
    sentence: str


TOPICS: Final = (
    CodingTopic(re.compile(r"fibonacci"), "fibonacci", "an iterative Fibonacci function"),
    CodingTopic(re.compile(r"palindrom"), "palindrome", "a palindrome check with two pointers"),
    CodingTopic(re.compile(r"csv"), "csv_rows", "a strict CSV parser that returns dictionaries"),
    CodingTopic(
        re.compile(r"\blru|least[ -]recently[ -]used"),
        "lru_cache",
        "an LRU cache with operations in constant time",
    ),
    CodingTopic(
        re.compile(r"\bretry|\bretries|back-?off"),
        "retry",
        "a retry decorator with exponential backoff and full jitter",
    ),
    CodingTopic(re.compile(r"debounc"), "debounce", "a debounce decorator on a timer thread"),
    CodingTopic(
        re.compile(r"binary[ _-]search|bisect"),
        "binary_search",
        "a binary search that finds the first occurrence",
    ),
    CodingTopic(
        re.compile(r"\bsort(?:s|ed|ing)?\b|quick-?sort|merge[-_]?sort"),
        "merge_sort",
        "a stable merge sort without recursion",
    ),
)
"""Within a paragraph the first match wins, so the more specific ones come first."""

_ANY_OPTIMISATION: Final = CodingTopic(
    re.compile(r"optimi[sz]|duplicates"),
    "unique",
    "the usual first optimisation, a dictionary in place of a nested loop",
)


def find_topic(request: str) -> CodingTopic | None:
    """Return the topic of a request; None if the simulator has no program for it."""
    lowered = request.lower()
    # The instruction precedes code that is attached as context.
    for paragraph in lowered.split("\n\n"):
        for topic in TOPICS:
            if topic.words.search(paragraph):
                return topic
    return _ANY_OPTIMISATION if _ANY_OPTIMISATION.words.search(lowered) else None


def find_topics(request: str) -> list[CodingTopic]:
    """Return all topics that a request names, but for the one that any optimisation has."""
    lowered = request.lower()
    return [each for each in TOPICS if each.words.search(lowered)]
