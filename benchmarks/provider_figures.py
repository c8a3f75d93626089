"""Figures from the samples of `providers`: medians per cell, and ratios within a round."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from benchmarks.provider_cells import BASES, Cell
from benchmarks.vendor_server import CHUNKS

__all__ = ["Rounds", "Sample", "figures_of"]

Sample: TypeAlias = Mapping[str, float]
Rounds: TypeAlias = Sequence[Mapping[Cell, Sample]]
"""The measurements of each round."""
GOALS: Final = {"openai": 1.15, "openai_responses": 1.15, "anthropic": 1.15, "litellm": 0.5}
"""The maximum CPU time of ours, as a multiple of theirs."""


def figures_of(cells: Sequence[Cell], rounds: Rounds) -> Iterator[dict[str, Any]]:
    """Return a figure for each cell, measured or not, then one for each ratio."""
    for cell in cells:
        yield _absolute(cell, [each[cell] for each in rounds if cell in each])
    for cell in cells:
        for base in BASES.get(cell.client, ()):
            other = Cell(base, cell.way, cell.concurrency)
            pairs = [(each[cell], each[other]) for each in rounds if {cell, other} <= each.keys()]
            if pairs:
                yield _ratio(cell, base, pairs)


def _absolute(cell: Cell, samples: Sequence[Sample]) -> dict[str, Any]:
    figure: dict[str, Any] = {
        "name": "provider_call",
        "client": cell.client,
        "way": cell.way,
        "concurrency": cell.concurrency,
        "unit": "ms",
        "rounds": len(samples),
    }
    if not samples:
        return figure
    for measure in samples[0]:
        figure[measure] = round(statistics.median(each[measure] for each in samples), 3)
    if cell.way == "stream":  # all that a stream costs, by its chunks: the call itself is in it
        figure["cpu_us_per_chunk"] = round(figure["cpu_ms"] * 1000 / CHUNKS, 1)
    return figure


def _ratio(cell: Cell, base: str, pairs: Sequence[tuple[Sample, Sample]]) -> dict[str, Any]:
    figure: dict[str, Any] = {
        "name": "provider_ratio",
        "client": cell.client,
        "to": base,
        "way": cell.way,
        "concurrency": cell.concurrency,
        "unit": "times",
        "rounds": len(pairs),
        "cpu": _spread([ours["cpu_ms"] / theirs["cpu_ms"] for ours, theirs in pairs]),
        "wall": _spread([ours["wall_ms"] / theirs["wall_ms"] for ours, theirs in pairs]),
    }
    if base in GOALS and cell.way != "open":
        figure["goal_cpu"] = GOALS[base]
    return figure


def _spread(ratios: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(ratios), 2),
        "min": round(min(ratios), 2),
        "max": round(max(ratios), 2),
    }
