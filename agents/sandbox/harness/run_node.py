"""Check types of TypeScript, let Node run the tests, and report on them.

Usage: python -I -S -B run_node.py (in the directory of the run)
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

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
    config = json.loads((root / MANIFEST).read_bytes())
    if config["packages"]:
        (root / "node_modules").symlink_to(Path(config["packages"]) / "node_modules")
    if state := _check_types(config, root):
        print_state(state.describe(is_final=True), take_secret(root))
        return
    state = RunState([])
    from_child, to_parent = os.pipe()
    gate, opener = os.pipe()
    program = Path(__file__).with_name("run_node.mjs")
    child = subprocess.Popen(  # noqa: S603
        [config["program"], str(program), str(gate), str(to_parent)],
        pass_fds=(gate, to_parent),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    os.close(to_parent)
    os.close(gate)
    secret = protect(root)
    key = os.urandom(16).hex()
    with os.fdopen(opener, "w") as file:
        json.dump(config | {"key": key}, file)
    read_messages(from_child, key, state, secret)
    print_state(state.describe(is_final=True, status=child.wait()), secret)


def _check_types(config: dict[str, Any], root: Path) -> RunState | None:
    """Return the state of a run that ends with errors of types, or None."""
    if not config["compile"]:
        return None
    compiler = f"{config['packages']}/node_modules/typescript/lib/tsc.js"
    found = subprocess.run(  # noqa: S603
        [config["program"], compiler, "-p", config["compile"]],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    if found.returncode == 0:
        return None
    first = found.stdout.partition("\n")[0] or found.stderr[-500:]
    state = RunState([])
    state.add(("problem", "syntax", first.partition("(")[0], first, found.stdout))
    return state


if __name__ == "__main__":
    main()
