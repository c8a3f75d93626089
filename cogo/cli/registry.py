"""A command: where its function lives, and how help shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: where its function lives, and the line that `cogo --help` shows for it.

    The module `module` has a function `function` whose docstring is the help text, and a tuple
    EXAMPLES of command lines (a mapping from the function's name to tuples when a group's
    commands share the module).
    """

    name: str
    summary: str
    module: str
    function: str
    group: str | None = None
