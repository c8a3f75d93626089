"""A parser for generated code; run as a program, it answers lines of JSON.

Parsing may take excessive time and memory, so long code is parsed in a separate process (see
`agents.executor.output_checks`). Imports only the standard library.
"""

import ast
import contextlib
import json
import resource
import signal
import sys
import tomllib
import warnings
from collections.abc import Callable, Mapping
from typing import Final

MEMORY_BYTES: Final = 1 << 30
"""Memory limit of the process; parsers need about a hundred times the size of their input."""

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


def main() -> None:
    """Answer requests `[code, language, CPU seconds]` from stdin until it is closed.

    Code that takes more CPU time ends the process, even inside a parser that is written in C.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError):  # some systems do not support memory limits
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        code, language, seconds = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        problem = parse_problem(code, language)
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(json.dumps(problem) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
