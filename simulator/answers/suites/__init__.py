"""Tests of the programs, for requests for tests: real modules, linted, and run by our own tests."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from simulator.answers.programs import NAMES

_OWN_IMPORT: Final = "from simulator."


def _read_suite(name: str) -> str:
    """Return the text of a suite without its import of the program."""
    text = files(__name__).joinpath(f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_OWN_IMPORT))


SUITES: Final[Mapping[str, str]] = {name: _read_suite(name) for name in NAMES}
"""The source text by name of the program. Read at import, so that no request reads files."""
