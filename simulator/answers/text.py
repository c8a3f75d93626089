"""Which text answers a prompt: deterministic, plausible, and marked as simulated."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from simulator.answers.placeholders import language_in, placeholder_in
from simulator.answers.programs import SOURCES
from simulator.answers.review import code_in, findings
from simulator.faults import MARKER

_DICTATION: Final = re.compile(r"\[\[(?P<how>say|pieces):(?P<what>.*?)\]\]", re.DOTALL)
_PREFIX: Final = "Simulated answer (no model was asked): "
_NOTICE: Final = "# Simulated: chosen by keyword, not written by a model.\n"


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject of coding prompts, and the program that answers it."""

    words: re.Pattern[str]
    program: str
    sentence: str


TOPICS: Final = (
    Topic(re.compile(r"fibonacci"), "fibonacci", "an iterative Fibonacci function"),
    Topic(re.compile(r"palindrom"), "palindrome", "a palindrome check with two pointers"),
    Topic(re.compile(r"csv"), "csv_rows", "a strict CSV parser that returns dictionaries"),
    Topic(
        re.compile(r"\blru|least[ -]recently[ -]used"),
        "lru_cache",
        "an LRU cache with operations in constant time",
    ),
    Topic(
        re.compile(r"\bretry|\bretries|back-?off"),
        "retry",
        "a retry decorator with exponential backoff and full jitter",
    ),
    Topic(re.compile(r"debounc"), "debounce", "a debounce decorator on a timer thread"),
    Topic(
        re.compile(r"binary[ -]search|bisect"),
        "binary_search",
        "a binary search that finds the first occurrence",
    ),
    Topic(
        re.compile(r"\bsort(?:s|ed|ing)?\b|quick-?sort|merge-?sort"),
        "merge_sort",
        "a stable merge sort without recursion",
    ),
)
"""In one paragraph the first match wins, so the more specific ones come first."""

_ANY_OPTIMISATION: Final = Topic(
    re.compile(r"optimi[sz]|duplicates"),
    "unique",
    "the usual first optimisation, a dictionary in place of a nested loop",
)
_REVIEW: Final = re.compile(
    r"\breview|\bdebug|potential bugs|documentation for the following", re.IGNORECASE
)
_WANTS_CODE: Final = re.compile(r"code block|generate [\w, -]{0,100}code", re.IGNORECASE)
_ASKS_FOR_CODE: Final = re.compile(
    r"\b(?:write|implement|create|generate|build|make)\b[^\n]{0,100}"
    r"\b(?:function|class|method|program|script|module|component|endpoint|code)\b",
    re.IGNORECASE,
)
_OPENINGS: Final = ("here is ", "this is ", "below is ")
_CLOSINGS: Final = (
    "It uses only the standard library.",
    "It needs nothing besides the standard library.",
    "Only the standard library is needed.",
)


def seed_of(model: str, prompt: str) -> int:
    """Return a number that is the same for the same model and prompt, on every machine."""
    digest = hashlib.sha256(f"{model}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8])


def dictated(prompt: str) -> str | None:
    """Return the text that the prompt dictates, `None` when it does not.

    `[[say:TEXT]]` is answered by just TEXT, which may be empty; `[[pieces:1000]]` by so many
    words, each of which is one piece of a stream.
    """
    found = _DICTATION.search(prompt)
    if found is None:
        return None
    if found["how"] == "say":
        return found["what"]
    count = found["what"].strip()
    return " ".join(f"w{number}" for number in range(int(count) if count.isdecimal() else 0))


def answer_to(prompt: str, *, seed: int, context: str = "") -> str:
    """Return the whole answer to a prompt; its first line says that it is simulated.

    `context` is what else was sent: a system prompt may say that code is wanted.
    """
    request = MARKER.sub("", prompt).strip()
    if _REVIEW.search(request):
        return _PREFIX + _review(request)
    topic, language = _topic_of(request), language_in(request)
    if topic is None and not (_WANTS_CODE.search(context) or _ASKS_FOR_CODE.search(request)):
        return _PREFIX + _conversation(request)
    if topic is None or language != "python":
        opening = f"{_PREFIX}the simulator has no program for this"
        return f"{opening}.\n\n```{language}\n{placeholder_in(language)}```"
    opening, closing = _OPENINGS[seed % 3], _CLOSINGS[seed // 3 % 3]
    code = _NOTICE + SOURCES[topic.program]
    return f"{_PREFIX}{opening}{topic.sentence}, in Python.\n\n```python\n{code}```\n\n{closing}"


def reasoning_for(prompt: str) -> str:
    """Return what a model might think before it answers; it too says that it is simulated."""
    request = MARKER.sub("", prompt).strip()
    topic = _topic_of(request)
    subject = topic.sentence if topic else "a short reply, since no known subject is mentioned"
    return (
        "Simulated reasoning, as no model was asked. "
        f'The request begins with "{_beginning_of(request)}". '
        f"What fits it best is {subject}. "
        "The edge cases come first: empty input, a single item, and values out of range. "
        "Then the names, the types and the cost in time and space should be plain to a reader."
    )


def _topic_of(request: str) -> Topic | None:
    lowered = request.lower()
    # What is asked for stands before the code that is sent along as context.
    for paragraph in lowered.split("\n\n"):
        for topic in TOPICS:
            if topic.words.search(paragraph):
                return topic
    return _ANY_OPTIMISATION if _ANY_OPTIMISATION.words.search(lowered) else None


def _review(request: str) -> str:
    code = code_in(request)
    if not code:
        return "the request asks for a review, but no Python code was found in it."
    found = findings(code)
    if not found:
        return "a check of the syntax tree found nothing to object to."
    points = "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1))
    return f"a check of the syntax tree found the following.\n\n{points}"


def _conversation(request: str) -> str:
    return (
        f'you wrote "{_beginning_of(request)}". '
        "A real model would answer this; the simulator only knows a few coding exercises."
    )


def _beginning_of(request: str) -> str:
    flat = " ".join(request.split())
    return flat if len(flat) <= 80 else flat[:77].rstrip() + "..."
