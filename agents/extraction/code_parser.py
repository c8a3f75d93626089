"""A parser for generated code; run as a program, it answers lines of JSON.

Parsing may take excessive time and memory, so long code is parsed in a separate process (see
`agents.executor.output_checks`).
"""

import ast
import json
import tomllib
import warnings
from collections.abc import Callable, Mapping
from typing import Final

from agents.extraction.limited_program import answer_requests

MAX_PROBLEM_CHARACTERS: Final = 200
"""Some parsers quote a name, which may be as long as the code."""


def parse_problem(code: str, language: str) -> str | None:
    """Return the syntax error of `code`, or None; `language` is one of PARSERS."""
    problem = _parse(code, language)
    return problem and problem[:MAX_PROBLEM_CHARACTERS]


def _parse(code: str, language: str) -> str | None:
    try:
        PARSERS[language](code)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except json.JSONDecodeError as error:
        return f"{error.msg} (line {error.lineno})"
    except RecursionError:
        return "it is nested too deeply to be parsed"
    except MemoryError:
        return "it is too large or nested too deeply to be parsed"
    except ValueError as error:
        return str(error)
    return None


def _parse_python(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about the code are not errors
        ast.parse(code)


PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "python": _parse_python,
    "py": _parse_python,
    "json": json.loads,
    "toml": tomllib.loads,
}


if __name__ == "__main__":
    answer_requests(parse_problem)
