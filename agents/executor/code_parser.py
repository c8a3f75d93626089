"""Parses code that a model wrote; as a program, one line of JSON after the other.

A parser may take time and memory out of all proportion to its input. Longer code is therefore
parsed in a process of its own (see `agents.executor.output_checks`), which runs this module. It
imports nothing but the standard library.
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
"""Of the process; parsers take memory a hundred times the size of their input."""


LONGEST_PROBLEM: Final = 200
"""Characters. Some parsers repeat a name, which may be as long as the code."""


def parse_problem(code: str, language: str) -> str | None:
    """Return why `code` is not of its language, or None; `language` is one of PARSERS."""
    problem = _parse(code, language)
    return problem and problem[:LONGEST_PROBLEM]


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
        warnings.simplefilter("ignore")  # what the code's author is warned of is no error
        ast.parse(code)


PARSERS: Final[Mapping[str, Callable[[str], object]]] = {
    "python": _parse_python,
    "py": _parse_python,
    "json": json.loads,
    "toml": tomllib.loads,
}


def main() -> None:
    """Answer requests from stdin until it is closed: `[code, language, CPU seconds]`.

    Code that takes more CPU time ends the process, also inside a parser that is written in C.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    with contextlib.suppress(ValueError):  # some systems know no limit of memory, only of time
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
