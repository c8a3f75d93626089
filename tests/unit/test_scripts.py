import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.mark.parametrize(
    "name", ["attack", "bench", "catalogue-check", "chaos", "mutate", "simulate-selection"]
)
def test_a_script_explains_itself(name: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, "--help"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout


def test_modules_that_scripts_import_exist() -> None:
    """Type checkers read only files that end in `.py`."""
    programs = [path for path in SCRIPTS.iterdir() if path.is_file() and not path.suffix]
    sources = [
        text for text in (path.read_text("utf-8") for path in programs) if "python" in text[:40]
    ]
    imports = [
        (node.module, name.name)
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    ]
    missing = [
        f"{module}.{name}"
        for module, name in imports
        if not hasattr(importlib.import_module(module), name)
    ]

    assert len(sources) > 8
    assert missing == []
