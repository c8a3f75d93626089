"""Compare the speed of two versions of a program; a program that runs in the sandbox.

It has the folders `original` and `candidate` beside it, and `workload.py`, which defines
`workload()`: it uses the public names of the module and returns its result. Each measurement is a
process of its own, in turns, so that neither version profits from what came before; the parent
takes the time. The last line that it prints is JSON.
"""

import contextlib
import importlib
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROUNDS = 7
LONG_ENOUGH = 0.05
MAX_LOOPS = 10_000
MAX_SECONDS = 40.0


def main() -> None:
    """Measure both versions in turns and print the result."""
    started = time.monotonic()
    module = sys.argv[1]
    once, result = _measure("original", module, 1)
    loops = max(1, min(MAX_LOOPS, int(LONG_ENOUGH / max(once, 1e-6))))
    seconds: dict[str, list[float]] = {"original": [], "candidate": []}
    results: dict[str, str] = {"original": result}
    for number in range(ROUNDS):
        order = ("original", "candidate") if number % 2 == 0 else ("candidate", "original")
        for folder in order:
            taken, results[folder] = _measure(folder, module, loops)
            seconds[folder].append(taken / loops)
        if time.monotonic() - started > MAX_SECONDS and number >= 2:
            break
    report: dict[str, Any] = {
        folder: {"median": statistics.median(each), "noise": _measure_noise(each)}
        for folder, each in seconds.items()
    }
    report |= {"rounds": len(seconds["candidate"]), "loops": loops}
    report["equal"] = results["original"] == results["candidate"]
    sys.stdout.write(json.dumps(report) + "\n")


def _measure(folder: str, module: str, loops: int) -> tuple[float, str]:
    """Return the seconds of `loops` runs in a process of its own, and the result as text."""
    from_child, to_parent = os.pipe()
    gate, opener = os.pipe()
    child = os.fork()
    if child == 0:
        _run_child(folder, module, loops, gate, to_parent)
    os.close(to_parent)
    os.close(gate)
    try:
        with os.fdopen(from_child, "rb") as answers:
            if answers.read(1) != b"r":
                raise SystemExit(f"the workload does not run with the {folder} code")
            started = time.perf_counter()
            os.write(opener, b"g")
            ended = answers.read(1)
            seconds = time.perf_counter() - started
            text = answers.read(1 << 20).decode("utf-8", "replace")
    finally:
        os.close(opener)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if ended != b"e":
        raise SystemExit(f"the workload does not end with the {folder} code")
    return seconds, text


def _run_child(folder: str, module: str, loops: int, gate: int, to_parent: int) -> None:
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.path[:0] = [str(Path(folder).resolve()), str(Path(folder, "src").resolve())]
        tested = importlib.import_module(module)
        names = {name: each for name, each in vars(tested).items() if not name.startswith("__")}
        names[module.rpartition(".")[2]] = tested
        source = Path("workload.py").read_text("utf-8")
        exec(compile(source, "workload.py", "exec"), names)  # noqa: S102 - the sandbox is for it
        workload = names["workload"]
        result = workload()  # once before: imports and caches are not what is compared
        os.write(to_parent, b"r")
        os.read(gate, 1)
        for _ in range(loops):
            result = workload()
        os.write(to_parent, b"e" + repr(result)[:100_000].encode("utf-8", "replace"))
        status = 0
    finally:
        os._exit(status)


def _measure_noise(seconds: list[float]) -> float:
    """Return the median distance from the median, as a standard deviation."""
    middle = statistics.median(seconds)
    return 1.4826 * statistics.median(abs(each - middle) for each in seconds)


if __name__ == "__main__":
    main()
