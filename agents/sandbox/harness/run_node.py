"""Check types of TypeScript, let Node run the tests, and report on them.

Usage: python -I -S -B run_node.py NODE (in the directory of the run)
"""

import os
import sys

sys.path.insert(0, __file__.partition("/agents/sandbox/harness/")[0])

TYPE_CHECKING = False  # as in typing, which is imported when Node has been started
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from agents.sandbox.harness.supervise import RunState


def main() -> None:
    """Run the tests of the manifest in the current directory."""
    from_child, to_parent = os.pipe()
    gate, opener = os.pipe()
    child = _start_node(sys.argv[1], gate, to_parent)
    os.close(to_parent)
    os.close(gate)
    _supervise(child, opener, from_child)


def _start_node(program: str, gate: int, pipe: int) -> int:
    """Start Node, which waits for what stands at the gate, and return its process id."""
    for each in (gate, pipe):
        os.set_inheritable(each, True)
    script = __file__.removesuffix(".py") + ".mjs"
    return os.posix_spawn(
        program,
        [program, script, str(gate), str(pipe)],
        os.environ,  # noqa: TID251 - that of the job
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, 2, 1),
        ],
    )


def _supervise(child: int, opener: int, from_child: int) -> None:
    # Not above, so that Node starts meanwhile.
    import json  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from agents.sandbox.harness import supervise  # noqa: PLC0415

    root = Path.cwd()
    config = json.loads((root / supervise.MANIFEST).read_bytes())
    if config["packages"]:
        (root / "node_modules").symlink_to(Path(config["packages"]) / "node_modules")
    if state := _check_types(config, root):
        os.kill(child, 9)
        supervise.print_state(state.describe(is_final=True), supervise.take_secret(root))
        return
    state = supervise.RunState([])
    secret = supervise.protect(root)
    key = os.urandom(16).hex()
    with os.fdopen(opener, "w") as file:
        json.dump(config | {"key": key}, file)
    supervise.read_messages(from_child, key, state, secret)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    supervise.print_state(state.describe(is_final=True, status=code), secret)


def _check_types(config: "dict[str, Any]", root: "Path") -> "RunState | None":
    """Return the state of a run that ends with errors of types, or None."""
    if not config["compile"]:
        return None
    import subprocess  # noqa: PLC0415 - few checks need it

    from agents.sandbox.harness.supervise import RunState  # noqa: PLC0415

    compiler = f"{config['packages']}/node_modules/typescript/lib/tsc.js"
    found = subprocess.run(  # noqa: S603
        [sys.argv[1], compiler, "-p", config["compile"]],
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
