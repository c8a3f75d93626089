"""Compare two trees: the same benchmarks on both, in turn, and the ratios of what they measured."""

import dataclasses
import json
import math
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.statistics import Figure, Ratio, compare_rounds
from benchmarks.compare.trees import CannotCompare, Tree, find_commit, open_base

__all__ = ["STOPPED", "CannotCompare", "compare", "find_commit", "format_table", "to_json"]

STOPPED: Final = 130


def compare(
    root: Path,
    base: str,
    names: Sequence[str],
    options: Mapping[str, Any],
    *,
    rounds: int,
    as_json: bool,
) -> int:
    """Measure, print the ratios of the rounds that were completed, and return the exit code.

    Raise `CannotCompare` after that if a benchmark failed.
    """
    measured: dict[str, list[tuple[list[Figure], list[Figure]]]] = {}
    code, failed = 0, None
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with open_base(root, base) as tree:
            this = Tree(name="this tree", folder=root, python=Path(sys.executable))
            for number in range(rounds):
                # What warms up or wears out must not always favour the same tree.
                order = (tree, this) if number % 2 == 0 else (this, tree)
                for name in names:
                    progress = f"round {number + 1}/{rounds} {name}"
                    found = {each: _measure(each, name, options, progress) for each in order}
                    measured.setdefault(name, []).append((found[tree], found[this]))
    except KeyboardInterrupt:
        print("stopped: these are the rounds that were completed", file=sys.stderr)
        code = STOPPED
    except CannotCompare as error:
        failed = error
    finally:
        signal.signal(signal.SIGTERM, previous)
    ratios = [ratio for rows in measured.values() for ratio in compare_rounds(rows)]
    if as_json:
        for ratio in ratios:
            print(json.dumps(to_json(ratio)))
    elif ratios or failed is None:
        print(format_table(ratios))
    if failed is not None:
        raise failed
    return code


def _measure(tree: Tree, name: str, options: Mapping[str, Any], progress: str) -> list[Figure]:
    started = time.perf_counter()
    found = tree.measure(name, options)
    print(f"{progress} {tree.name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return found


def to_json(ratio: Ratio) -> dict[str, Any]:
    """Return a ratio as a line for programs; an interval of one round is unknown, thus null."""
    row = dataclasses.asdict(ratio) | {"verdict": ratio.verdict}
    for name in ("base", "this", "ratio", "low", "high"):
        row[name] = round(row[name], 4) if math.isfinite(row[name]) else None
    return row if ratio.rounds > 1 else row | {"low": None, "high": None}


def format_table(ratios: Sequence[Ratio]) -> str:
    """Return a table of ratios of this tree to the base."""
    if not ratios:
        return "nothing to compare: no number was measured on both trees"
    rows = [("benchmark", "metric", "base", "this", "ratio", "95 %", "")]
    for ratio in ratios:
        interval = f"{ratio.low:.2f} to {ratio.high:.2f}" if ratio.rounds > 1 else "unknown"
        rows.append(
            (
                " ".join((ratio.name, *_told(ratio.facts))),
                ratio.metric,
                f"{ratio.base:.4g}",
                f"{ratio.this:.4g}",
                f"{ratio.ratio:.3f}",
                interval,
                ratio.verdict if ratio.rounds > 1 else "one round shows nothing",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _told(facts: Figure) -> list[str]:
    return [f"{name}={value}" for name, value in facts.items()]
