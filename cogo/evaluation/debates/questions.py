"""Questions with known answers: how they are written in a file, and when an answer is right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Final

from agents.workflows.swarms.agreement import normalize_verdict
from cogo.errors import UsageError

FORM: Final = (
    "Give only the answer itself, as short as the question allows, without a sentence around it."
)
"""What every question is followed by, so that answers can be compared."""
_MAX_BYTES: Final = 5_000_000
_HEADING: Final = re.compile(r"^## +(?P<name>\S.*)$", re.MULTILINE)
_ANSWER: Final = re.compile(r"^Answer: *(?P<answers>\S.*?)\s*\Z", re.MULTILINE)
_NUMBER: Final = re.compile(r"(?<![\w./:-])[-+]?\d+(?:\.\d+)?(?![\w]|[.:/-]\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuestion:
    """A question whose answer is known."""

    id: str
    """Its heading."""
    text: str
    answers: Sequence[str]
    """Ways to write the right answer."""

    @property
    def prompt(self) -> str:
        """The text that models are asked."""
        return f"{self.text}\n\n{FORM}"


def load_own_questions() -> list[KnownQuestion]:
    """Return the questions that come with COGO."""
    text = files("cogo.evaluation.debates").joinpath("questions.md").read_text("utf-8")
    return parse_questions(text, "questions.md")


def load_questions(file: Path) -> list[KnownQuestion]:
    """Return the questions of a file. Raises UsageError."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{file} is larger than {_MAX_BYTES // 1_000_000} MB")
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    return parse_questions(text, str(file))


def parse_questions(text: str, source: str) -> list[KnownQuestion]:
    """Return the questions of a text. Raises UsageError.

    Each has a heading `## Name`, a text, and a last line `Answer: 7 or seven`.
    """
    _, *parts = _HEADING.split(text)
    questions: dict[str, KnownQuestion] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        id_, found = name.strip(), _ANSWER.search(body)
        if found is None:
            raise UsageError(f"{source}: {id_} does not end with a line `Answer: ...`")
        question = " ".join(body[: found.start()].split())
        if not question:
            raise UsageError(f"{source}: {id_} has no text")
        if id_ in questions:
            raise UsageError(f"{source} has two questions named {id_}")
        answers = tuple(each.strip() for each in found["answers"].split(" or ") if each.strip())
        questions[id_] = KnownQuestion(id=id_, text=question, answers=answers)
    if not questions:
        raise UsageError(f"{source} has no questions; each begins with a line `## Name`")
    return list(questions.values())


def is_right(question: KnownQuestion, answer: str | None) -> bool:
    """Return whether an answer is one of the right ones: the same words, or the same number.

    A number counts if it is the only one in the answer, whatever its unit.
    """
    if not answer:
        return False
    given = normalize_verdict(answer)
    right = [normalize_verdict(each) for each in question.answers]
    if given in right:
        return True
    numbers = {Decimal(each) for each in _NUMBER.findall(given.replace("%", ""))}
    return len(numbers) == 1 and any(
        Decimal(each) in numbers for each in right if _NUMBER.fullmatch(each)
    )
