"""`cogo workflows example`: workflows to begin with."""

from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.config.settings import CHECKOUT
from cogo.errors import CommandError
from cogo.terminal import print_line, print_text

_OF_CHECKOUT: Final = CHECKOUT / "examples" / "workflows"
_OF_WHEEL: Final = Path(__file__).parent / "_examples"


def print_example(
    *, name: Annotated[str | None, typer.Argument(help="Name of the example.")] = None
) -> None:
    """Print the file of an example, or list the examples.

    Examples:
        cogo workflows example
        cogo workflows example best_of_three > flows.py
    """
    files = {file.stem: file for file in find_examples()}
    if name is None:
        for each in files.values():
            print_text(f"{each.stem}  {_read_summary(each)}", indent=2)
        return
    if name not in files:
        raise CommandError(f"there is no example {name}, only {', '.join(files)}")
    print_line(files[name].read_text("utf-8").rstrip())


def find_examples() -> list[Path]:
    """Return the files of the examples: those of the checkout, else those of the wheel."""
    folder = _OF_CHECKOUT if _OF_CHECKOUT.is_dir() else _OF_WHEEL
    return sorted(folder.glob("*.py"))


def _read_summary(file: Path) -> str:
    return file.read_text("utf-8").partition("\n")[0].strip('"')
