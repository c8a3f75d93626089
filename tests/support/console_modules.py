"""Modules of the console in Node, which knows nothing of its addresses."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.node import node_program

STATIC: Final = Path(__file__).parents[2] / "gateway/console/static"


def run_console_module(folder: Path, name: str, program: str, value: object) -> Any:
    """Run a program with the address of a module and a value as JSON; return what it prints.

    All modules are copied to `folder`, where they import each other.
    """
    for file in STATIC.glob("*.js"):
        text = file.read_text("utf-8").replace('"/console/', '"./')
        (folder / file.name).write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    command = [str(node_program()), "--input-type=module", "-e", program]
    command += [(folder / name).as_uri(), json.dumps(value)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


_CALLS: Final = """
const module = await import(process.argv[1]);
const calls = JSON.parse(process.argv[2]);
console.log(JSON.stringify(calls.map(([name, ...values]) => module[name](...values))));
"""


def call_console_functions(folder: Path, name: str, *calls: Sequence[object]) -> list[Any]:
    """Call pure functions of a module, each as a name and arguments; return their results."""
    found: list[Any] = run_console_module(folder, name, _CALLS, calls)
    return found
