"""`cogo tools example` and `cogo workflows example`: files of a checkout, or of the wheel."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cogo.config.settings import CHECKOUT
from cogo.errors import UsageError
from cogo.terminal import print_line, print_text

ExampleName = Annotated[str | None, typer.Argument(help="Name of the example.")]


def print_workflow_example(*, name: ExampleName = None) -> None:
    """Print the file of an example, or list the examples.

    Examples:
        cogo workflows example
        cogo workflows example best_of_three > flows.py
    """
    _print_example("workflows", name)


def print_tool_example(*, name: ExampleName = None) -> None:
    """Print the file of an example, or list the examples.

    Name the module in [tools] modules of cogo.toml, and models may call its tools.

    Examples:
        cogo tools example
        cogo tools example orders > orders.py
    """
    _print_example("tools", name)


def _print_example(kind: Literal["tools", "workflows"], name: str | None) -> None:
    """Print the file of an example, or list the examples. Raises UsageError."""
    files = {file.stem: file for file in find_examples(kind)}
    if name is None:
        for each in files.values():
            print_text(f"{each.stem}  {_read_summary(each)}", indent=2)
        return
    if name not in files:
        raise UsageError(f"there is no example {name}, only {', '.join(files)}")
    print_line(files[name].read_text("utf-8").rstrip())


def find_examples(kind: Literal["tools", "workflows"]) -> list[Path]:
    """Return the files of the examples: those of the checkout, else those of the wheel."""
    folder = CHECKOUT / "examples" / kind
    if not folder.is_dir():
        folder = Path(__file__).parent / kind / "_examples"
    return sorted(folder.glob("*.py"))


def _read_summary(file: Path) -> str:
    return file.read_text("utf-8").partition("\n")[0].strip('"')
