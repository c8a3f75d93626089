"""The text that answers a prompt: deterministic, plausible, and marked as simulated."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from simulator.answers.placeholders import build_placeholder, detect_language
from simulator.answers.programs import PROGRAMS
from simulator.answers.review import extract_prompt_code, review_code
from simulator.faults import MARKER

_DICTATION: Final = re.compile(r"\[\[(?P<how>say|pieces):(?P<what>.*?)\]\]", re.DOTALL)
_PREFIX: Final = "Simulated answer (no model was asked): "
_NOTICE: Final = "# Simulated: chosen by keyword, not written by a model.\n"


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
        re.compile(r"binary[ -]search|bisect"),
        "binary_search",
        "a binary search that finds the first occurrence",
    ),
    CodingTopic(
        re.compile(r"\bsort(?:s|ed|ing)?\b|quick-?sort|merge-?sort"),
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


def derive_seed(model: str, prompt: str) -> int:
    """Return a number that depends on nothing but model and prompt."""
    digest = hashlib.sha256(f"{model}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8])


def find_dictation(prompt: str) -> str | None:
    """Return the text that the prompt dictates, `None` when it does not.

    `[[write:TEXT]]` is answered by just TEXT, which may be empty; `[[pieces:1000]]` by so many
    words, each of which is one piece of a stream.
    """
    found = _DICTATION.search(prompt)
    if found is None:
        return None
    if found["how"] == "say":
        return found["what"]
    count = found["what"].strip()
    return " ".join(f"w{number}" for number in range(int(count) if count.isdecimal() else 0))


def write_answer(prompt: str, *, seed: int, context: str = "") -> str:
    """Return the answer to a prompt; its first line says that it is simulated.

    `context` is the text of the other messages: a system prompt may ask for code.
    """
    request = MARKER.sub("", prompt).strip()
    if _REVIEW.search(request):
        return _PREFIX + _write_review(request)
    topic, language = _find_topic(request), detect_language(request)
    if topic is None and not (_WANTS_CODE.search(context) or _ASKS_FOR_CODE.search(request)):
        return _PREFIX + _write_conversation(request)
    if topic is None or language != "python":
        opening = f"{_PREFIX}the simulator has no program for this"
        return f"{opening}.\n\n```{language}\n{build_placeholder(language)}```"
    opening, closing = _OPENINGS[seed % 3], _CLOSINGS[seed // 3 % 3]
    code = _NOTICE + PROGRAMS[topic.program]
    return f"{_PREFIX}{opening}{topic.sentence}, in Python.\n\n```python\n{code}```\n\n{closing}"


def write_reasoning(prompt: str) -> str:
    """Return plausible reasoning, which says that it is simulated as well."""
    request = MARKER.sub("", prompt).strip()
    topic = _find_topic(request)
    subject = topic.sentence if topic else "a short reply, since no known subject is mentioned"
    return (
        "Simulated reasoning, as no model was asked. "
        f'The request begins with "{_abbreviate(request)}". '
        f"What fits it best is {subject}. "
        "The edge cases come first: empty input, a single item, and values out of range. "
        "Then the names, the types and the cost in time and space should be plain to a reader."
    )


def _find_topic(request: str) -> CodingTopic | None:
    lowered = request.lower()
    # The instruction precedes code that is attached as context.
    for paragraph in lowered.split("\n\n"):
        for topic in TOPICS:
            if topic.words.search(paragraph):
                return topic
    return _ANY_OPTIMISATION if _ANY_OPTIMISATION.words.search(lowered) else None


def _write_review(request: str) -> str:
    code = extract_prompt_code(request)
    if not code:
        return "the request asks for a review, but no Python code was found in it."
    found = review_code(code)
    if not found:
        return "a check of the syntax tree found nothing to object to."
    points = "\n".join(f"{number}. {text}" for number, text in enumerate(found, 1))
    return f"a check of the syntax tree found the following.\n\n{points}"


def _write_conversation(request: str) -> str:
    return (
        f'you wrote "{_abbreviate(request)}". '
        "A real model would answer this; the simulator only knows a few coding exercises."
    )


def _abbreviate(request: str) -> str:
    flat = " ".join(request.split())
    return flat if len(flat) <= 80 else flat[:77].rstrip() + "..."
