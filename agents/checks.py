"""What an answer shows without being run: whether it ends, and whether its code parses."""

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAX_CHARACTERS: Final = 500_000
"""Longer code is not parsed: the parsers take memory a hundred times its size."""
_CUT: Final = frozenset({"length", "max_tokens"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    problem: str | None = None
    """None: it passed."""

    def recorded(self) -> dict[str, Any]:
        """Give it as an output holds it."""
        return {"name": self.name, "passed": self.problem is None, "problem": self.problem}


def checks_of(
    *, text: str, finish_reason: str | None, code: str | None, language: str | None
) -> tuple[Check, ...]:
    """Check an answer; `code` is what was extracted from it, None when it need not hold any.

    Code is parsed where its language is known and this Python can read it. That takes a while for
    large code: call it in a thread.
    """
    checks = [Check(name="ends", problem=_unfinished(finish_reason))]
    said = text if code is None else code
    checks.append(Check(name="says something", problem=None if said.strip() else "it is empty"))
    parse = _PARSERS.get((language or "").lower())
    if code is not None and code.strip() and parse is not None and len(code) <= MAX_CHARACTERS:
        checks.append(Check(name="parses", problem=parse(code)))
    return tuple(checks)


def problem_of(checks: tuple[Check, ...]) -> str | None:
    """Give the first problem as half a sentence."""
    return next((f"{each.name}: {each.problem}" for each in checks if each.problem), None)


def _unfinished(finish_reason: str | None) -> str | None:
    return "it was cut at the model's limit" if finish_reason in _CUT else None


def _python(code: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the code's author is warned of is no error
            ast.parse(code)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"Python cannot read it: {type(error).__name__}"
    return None


def _json(code: str) -> str | None:
    try:
        json.loads(code)
    except json.JSONDecodeError as error:
        return f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError) as error:
        return f"not JSON: {type(error).__name__}"
    return None


def _toml(code: str) -> str | None:
    try:
        tomllib.loads(code)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return str(error) or type(error).__name__
    return None


_PARSERS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "python": _python,
    "py": _python,
    "json": _json,
    "toml": _toml,
}
