"""What a command is: its path, its summary, and the function that is imported when it runs."""

import importlib
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A command. Its module is imported only when the command runs.

    The docstring of its function is its help: a summary, details, and example command lines under
    "Examples:".
    """

    path: str
    """The words after `cogo` on the command line: the group, if any, and the name."""
    summary: str
    """The line that the help of the program or of the group shows."""
    function: str
    """Module below `cogo.cli` and function, `tasks.show:list_tasks`."""
    passes_options: bool = False
    """Pass unknown options on as arguments, for a command that runs another program."""

    @property
    def group(self) -> str:
        """The group of the command, empty if it has none."""
        return self.path.rpartition(" ")[0]

    @property
    def name(self) -> str:
        """The name within the group."""
        return self.path.rpartition(" ")[2]

    def load(self) -> Callable[..., None]:
        """Import and return the function."""
        module, _, name = self.function.partition(":")
        function: Callable[..., None] = getattr(importlib.import_module(f"cogo.cli.{module}"), name)
        return function


@dataclass(frozen=True, slots=True)
class Group:
    """Commands with a common first word."""

    name: str
    summary: str
    default: str | None = None
    """The command that runs if none is named."""


def split_help(function: Callable[..., None]) -> tuple[str, list[str]]:
    """Return the help text and the example command lines of a command's function."""
    text, _, examples = inspect.cleandoc(function.__doc__ or "").partition("\nExamples:\n")
    return text.strip(), textwrap.dedent(examples).splitlines()
