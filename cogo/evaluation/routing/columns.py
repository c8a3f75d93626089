"""Recognition of the columns of a file, and of the values in them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan
from typing import Any, Final

from cogo.evaluation.routing.records import BadRecords

KNOWN: Final[Mapping[str, Sequence[str]]] = {
    "id": (
        "prompt_id", "sample_id", "instance_id", "task_id", "question_id", "query_id",
        "example_id", "id", "uid", "prompt", "question", "query", "input",
    ),
    "model": ("model", "model_id", "model_name", "llm", "system", "agent"),
    "quality": (
        "quality", "score", "performance", "success", "resolved", "correct", "is_correct",
        "accuracy", "valid", "reward", "rating", "passed", "pass",
    ),
    "cost": (
        "cost", "cost_usd", "total_cost", "usd", "instance_cost", "cost_per_call", "price",
        "dollars",
    ),
    "category": (
        "category", "task_type", "eval_name", "test_category", "benchmark", "dataset", "subject",
        "domain", "topic", "repo", "task", "type", "difficulty", "features", "split",
    ),
    "verified": (
        "verified", "verifier", "check_passed", "check", "checked", "tests_passed",
        "visible_passed", "passed", "pass",
    ),
}  # fmt: skip
"""Accepted names of each column, the most reliable first."""
COST_SUFFIXES: Final = ("|total_cost", "|cost", "_total_cost", "_cost", ".cost", ":cost")
QUALITY_SUFFIXES: Final = ("", "|quality", "|score", "_quality", "_score", ".quality", ":quality")
VERIFIED_SUFFIXES: Final = ("|verified", "_verified", ".verified", ":verified")

MAX_NUMBER: Final = 1e12
LEAST_NUMBER: Final = 1e-12
"""Smaller numbers count as 0."""
_WORDS: Final = {
    "true": 1.0, "yes": 1.0, "pass": 1.0, "passed": 1.0, "resolved": 1.0, "correct": 1.0,
    "false": 0.0, "no": 0.0, "fail": 0.0, "failed": 0.0, "unresolved": 0.0, "incorrect": 0.0,
}  # fmt: skip
_NOTHING: Final = frozenset({"", "nan", "none", "null", "n/a", "na"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Columns named by the user; None means to look for it."""

    id: str | None = None
    model: str | None = None
    quality: str | None = None
    cost: str | None = None
    category: str | None = None
    verified: str | None = None

    def find(
        self, meaning: str, columns: Sequence[str], *, taken: Iterable[str] = ()
    ) -> str | None:
        """Return the column with this meaning, or None.

        Raises BadRecords if a named column does not exist.
        """
        named: str | None = getattr(self, meaning)
        if named is not None:
            if named in columns:
                return named
            near = get_close_matches(named, columns, n=3) or columns[:10]
            raise BadRecords(
                f"there is no column {named!r} (--{meaning}); there are {', '.join(near)}."
            )
        free = {each.casefold().strip(): each for each in columns if each not in set(taken)}
        return next((free[name] for name in KNOWN[meaning] if name in free), None)

    def need(self, meaning: str, columns: Sequence[str], *, taken: Iterable[str] = ()) -> str:
        """Return the column with this meaning. Raises BadRecords if there is none."""
        found = self.find(meaning, columns, taken=taken)
        if found is None:
            raise BadRecords(
                f"no column for the {meaning} was found among {', '.join(map(str, columns[:20]))}; "
                f"name it with --{meaning} COLUMN (looked for: {', '.join(KNOWN[meaning])})."
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """The columns of one model in a file with one line per prompt."""

    model: str
    quality: str
    cost: str
    verified: str | None


def find_wide_models(columns: Sequence[str]) -> list[Wide]:
    """Find pairs of columns such as `gpt-4` and `gpt-4|total_cost`."""
    names = set(columns)
    found: dict[str, Wide] = {}
    for column in columns:
        for suffix in COST_SUFFIXES:
            model = column.removesuffix(suffix)
            if model in {column, ""} or model in found:
                continue
            quality = _first(model, QUALITY_SUFFIXES, names)
            if quality is not None:
                found[model] = Wide(
                    model=model,
                    quality=quality,
                    cost=column,
                    verified=_first(model, VERIFIED_SUFFIXES, names),
                )
    return list(found.values())


def _first(model: str, suffixes: Sequence[str], names: set[str]) -> str | None:
    return next((model + suffix for suffix in suffixes if model + suffix in names), None)


def is_nothing(value: Any) -> bool:
    """Return whether a field has no value."""
    return value is None or str(value).strip() == ""


def parse_figure(value: Any, where: str, what: str) -> float | None:
    """Return a number, or None if there is none. Raises BadRecords."""
    if value is None or isinstance(value, bool):
        return None if value is None else float(value)
    text = str(value).strip().casefold()
    if text in _NOTHING:
        return None
    number = _WORDS.get(text)
    try:
        number = float(text.removeprefix("$")) if number is None else number
    except ValueError as error:
        raise BadRecords(f"{where}: {what} {str(value)[:60]!r} is not a number") from error
    if isnan(number):
        return None
    if not 0 <= number <= MAX_NUMBER:
        raise BadRecords(f"{where}: {what} is {number:g}; it must be from 0 to {MAX_NUMBER:,.0f}")
    return number if number >= LEAST_NUMBER else 0.0
