"""The text that answers a prompt: deterministic, plausible, and marked as simulated."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from simulator.answers.essays import write_essay
from simulator.answers.flaws import write_program
from simulator.answers.placeholders import build_placeholder, detect_language
from simulator.answers.review import extract_prompt_code, review_code
from simulator.answers.suites import SUITES
from simulator.answers.topics import find_topic
from simulator.faults import MARKER

_DICTATION: Final = re.compile(r"\[\[(?P<how>say|pieces):(?P<what>.*?)\]\]", re.DOTALL)
_PREFIX: Final = "Simulated answer (no model was asked): "
_NOTICE: Final = "# Simulated: chosen by keyword, not written by a model.\n"

_REVIEW: Final = re.compile(
    r"\breview|\bdebug|potential bugs|documentation for the following", re.IGNORECASE
)
_WANTS_CODE: Final = re.compile(r"code block|generate [\w, -]{0,100}code", re.IGNORECASE)
_ASKS_FOR_CODE: Final = re.compile(
    r"\b(?:write|implement|create|generate|build|make)\b[^\n]{0,100}"
    r"\b(?:function|class|method|program|script|module|component|endpoint|code)\b",
    re.IGNORECASE,
)
_WANTS_TESTS: Final = re.compile(r"\bwrite (?:\w+ ){0,3}tests\b", re.IGNORECASE)
_DATA: Final = re.compile(r"^<data>\n(\{.*\})\n</data>$", re.MULTILINE)
"""Values beside a request for one, as COGO sends those of a row."""
_SOURCE: Final = re.compile(
    r"<source-(?P<mark>[0-9a-f]{16}) n=\"1\" [^>\n]*>\n(?P<text>.*?)\n</source-(?P=mark)>",
    re.DOTALL,
)
"""What was found for a request, as COGO sends it."""
_LONGEST_SOURCE: Final = 300
_LONGEST_RESULT: Final = 500
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


def _shorten_source(text: str) -> str:
    lines = [each for each in text.splitlines() if each.strip() and not each.startswith("#")]
    return " ".join(" ".join(lines).split())[:_LONGEST_SOURCE]


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


def write_answer(prompt: str, *, seed: int, context: str = "", model: str = "") -> str:
    """Return the answer to a prompt; its first line says that it is simulated.

    `context` is the text of the other messages: a system prompt may ask for code.
    """
    request = MARKER.sub("", prompt).strip()
    if found := _SOURCE.search(request):
        return f"{_PREFIX}the first source says: {_shorten_source(found['text'])} [1]"
    if essay := write_essay(request, context):
        return _PREFIX + essay
    if (values := _find_values(request)) is not None:
        return _PREFIX + _write_value(request, values)
    if _REVIEW.search(request):
        return _PREFIX + _write_review(request)
    topic, language = find_topic(request), detect_language(request)
    if topic is None and not (_WANTS_CODE.search(context) or _ASKS_FOR_CODE.search(request)):
        return _PREFIX + _write_conversation(request)
    if topic is None or language != "python":
        opening = f"{_PREFIX}the simulator has no program for this"
        return f"{opening}.\n\n```{language}\n{build_placeholder(language)}```"
    opening, closing = _OPENINGS[seed % 3], _CLOSINGS[seed // 3 % 3]
    subject, code = topic.sentence, write_program(topic.program, model=model, request=request)
    if _WANTS_TESTS.match(request):
        subject, code = f"tests of {topic.sentence}", SUITES[topic.program]
        opening = opening.replace(" is ", " are ").replace("this", "these")
    return f"{_PREFIX}{opening}{subject}, in Python.\n\n```python\n{_NOTICE}{code}```\n\n{closing}"


def write_report(results: Sequence[str]) -> str:
    """Return an answer that repeats what tools gave."""
    said = "; ".join(_abbreviate(each, longest=_LONGEST_RESULT) for each in results)
    return f"{_PREFIX}the tools gave: {said}"


def write_reasoning(prompt: str) -> str:
    """Return plausible reasoning, which says that it is simulated as well."""
    request = MARKER.sub("", prompt).strip()
    topic = find_topic(request)
    subject = topic.sentence if topic else "a short reply, since no known subject is mentioned"
    return (
        "Simulated reasoning, as no model was asked. "
        f'The request begins with "{_abbreviate(request)}". '
        f"What fits it best is {subject}. "
        "The edge cases come first: empty input, a single item, and values out of range. "
        "Then the names, the types and the cost in time and space should be plain to a reader."
    )


def _find_values(request: str) -> dict[str, JsonValue] | None:
    found = _DATA.search(request)
    try:
        values: JsonValue = json.loads(found[1]) if found else None
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _write_value(request: str, values: Mapping[str, JsonValue]) -> str:
    told = "; ".join(
        each if isinstance(each, str) else json.dumps(each) for each in values.values()
    )
    asked = _abbreviate(request.partition("\n\n")[0])
    return f'you wrote "{asked}" about "{_abbreviate(told)}".'


def _write_review(request: str) -> str:
    code = extract_prompt_code(request)
    if not code:
        return "the request asks for a review, but no Python code was found in it."
    found = review_code(code)
    if not found:
        return "a check of the syntax tree found nothing to object to."
    points = "\n".join(f"{number}. {each.to_sentence()}" for number, each in enumerate(found, 1))
    return f"a check of the syntax tree found the following.\n\n{points}"


def _write_conversation(request: str) -> str:
    return (
        f'you wrote "{_abbreviate(request)}". '
        "A real model would answer this; the simulator only knows a few coding exercises."
    )


def _abbreviate(request: str, *, longest: int = 80) -> str:
    flat = " ".join(request.split())
    return flat if len(flat) <= longest else flat[: longest - 3].rstrip() + "..."
