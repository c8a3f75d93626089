"""The sources of this checkout, parsed."""

import ast
import subprocess
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final[tuple[str, ...]] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
)
"""The top-level packages of the product."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git tracks and that still exist."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--", *patterns],
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def product_modules() -> list[Path]:
    """Return the modules of all packages."""
    return tracked(*(f"{package}/*.py" for package in PACKAGES))


@cache
def parse(path: Path) -> ast.Module:
    """Parse a module, once in a run."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def functions(path: Path) -> Sequence[Function]:
    """Return the functions and methods of a module, those inside others too."""
    return [node for node in ast.walk(parse(path)) if isinstance(node, Function)]


def relative(path: Path) -> str:
    """Return a path below the root as text."""
    return str(path.relative_to(ROOT))
