"""Run tests of Python in a child process, and report on them.

Usage: python -I -S -B run_python.py (in the directory of the run)
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from agents.sandbox.harness.run_plan import RunPlan, Unparsable, plan_run
from agents.sandbox.harness.supervise import (
    MANIFEST,
    RunState,
    print_state,
    protect,
    read_messages,
    take_secret,
)


def main() -> None:
    """Run the tests of the manifest in the current directory."""
    root = Path.cwd()
    manifest = json.loads((root / MANIFEST).read_bytes())
    sources = {path: (root / path).read_text("utf-8", "replace") for path in manifest["sources"]}
    tests = {path: (root / path).read_text("utf-8", "replace") for path in manifest["tests"]}
    is_stub = bool(manifest["is_stub"])
    try:
        plan = plan_run(sources, tests, entry_point=manifest["entry_point"], is_stub=is_stub)
    except Unparsable as error:
        state = RunState([])
        state.add(("problem", "syntax", error.path, str(error), error.text))
        print_state(state.describe(is_final=True), take_secret(root))
        return
    from_child, to_parent = os.pipe()
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(from_child)
        os.close(opener)
        needs_asyncio = any("async" in text for text in tests.values())
        _run_child(plan, root, gate, to_parent, is_stub=is_stub, needs_asyncio=needs_asyncio)
    os.close(to_parent)
    os.close(gate)
    secret = protect(root)
    key = os.urandom(16).hex()
    os.write(opener, key.encode())
    os.close(opener)
    expected = [f"{path}::{test}" for path, each in plan.files.items() for test in each.expected]
    state = RunState(sorted(expected))
    read_messages(from_child, key, state, secret)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    print_state(state.describe(is_final=True, status=code), secret)


def _run_child(
    plan: RunPlan, root: Path, gate: int, to_parent: int, *, is_stub: bool, needs_asyncio: bool
) -> None:
    """Run pytest; never returns. Whatever is printed goes to the standard error."""
    status = 70
    try:
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        # Not above, so that the fork is of a small process, which is ready when this one is.
        from agents.sandbox.harness.reporter import make_sender  # noqa: PLC0415
        from agents.sandbox.harness.run_pytest import run_pytest  # noqa: PLC0415

        if needs_asyncio:  # which takes long; before the tested code can put another there
            import asyncio  # noqa: F401, PLC0415
        if plan.uses_mocks:  # its classes are those of the tests, not of the tested code
            import unittest.mock  # noqa: F401, PLC0415, TID251

        key = os.read(gate, 64).decode()
        os.close(gate)
        send = make_sender(to_parent, key)
        status = run_pytest(plan, root, send, is_stub=is_stub)
        send("over")
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
