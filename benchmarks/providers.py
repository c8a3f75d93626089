"""What a call costs on its way: ours, the vendors' SDKs, raw httpx, LiteLLM and any-llm.

All call the same local server in the same run. Each cell (client, concurrency, streamed or not)
is a fresh process; the clients take turns within a round, and ratios are taken within a round.
Last comes how soon a vendor learns that nobody listens any more: see `provider_cancel`.
"""

import asyncio
import json
import os
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks import provider_cancel
from benchmarks.environments import python_of
from benchmarks.vendor_server import CHUNKS, running_server

CALLS: Final = Path(__file__).parent / "peers" / "calls.py"
ROUNDS: Final = 3
WAYS: Final = ("whole", "stream")
Sizes: TypeAlias = Mapping[tuple[str, int], int]
SIZES: Final[Sizes] = {
    ("whole", 1): 150,
    ("whole", 50): 500,
    ("whole", 500): 1000,
    ("stream", 1): 50,
    ("stream", 50): 200,
    ("stream", 500): 500,
}
"""Calls of a cell."""
PEERS: Final[Mapping[str, Sequence[str]]] = {
    "litellm": ("litellm==1.106.2",),
    "any_llm": ("any-llm-sdk[openai]==1.40.2",),
}
BASES: Final[Mapping[str, Sequence[str]]] = {
    "cogo_openai": ("openai", "httpx", "litellm", "any_llm"),
    "cogo_anthropic": ("anthropic", "httpx"),
}
"""Whom each of our ways is compared with."""
GOALS: Final = {"openai": 1.15, "anthropic": 1.15, "litellm": 0.2}


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to measure."""

    client: str
    way: str
    concurrency: int


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Give a figure for each cell, one for each ratio, then how fast each adapter lets go."""
    sizes = _quick(SIZES) if quick else SIZES
    pythons = {peer: python_of(peer, pins) for peer, pins in PEERS.items()}
    clients = [*BASES, "httpx", "openai", "anthropic", *PEERS]
    cells = [Cell(client, way, many) for way, many in sizes for client in clients]
    rounds: list[dict[Cell, dict[str, float]]] = []
    async with running_server() as url:
        for number in range(1 if quick else ROUNDS):
            order = random.Random(number).sample(cells, len(cells))  # noqa: S311 - no secret
            results = {}
            for done, cell in enumerate(order):
                _tell(f"round {number + 1}: {done + 1} of {len(order)} {cell}")
                python = pythons.get(cell.client, Path(sys.executable))
                if measured := await _measure(python, cell, url, sizes):
                    results[cell] = measured
            rounds.append(results)
    _tell("")
    return [
        *_absolutes(cells, rounds, sizes),
        *_ratios(rounds, sizes),
        *await provider_cancel.run(quick=quick),
    ]


def _quick(sizes: Sizes) -> Sizes:
    """The ends of the range, with a tenth of the calls."""
    return {
        (way, many): max(many, count // 10)
        for (way, many), count in sizes.items()
        if many in {1, 500}
    }


async def _measure(python: Path, cell: Cell, url: str, sizes: Sizes) -> dict[str, float] | None:
    """None when it failed: a peer that breaks must not cost what was measured of the others."""
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(CALLS),
        cell.client,
        url,
        str(cell.concurrency),
        str(sizes[cell.way, cell.concurrency]),
        cell.way,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    answer, _ = await process.communicate()
    if process.returncode != 0:
        print(f"{cell} failed; its reason is above", file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(answer)
    return found


def environment() -> dict[str, str]:
    """No keys, no proxies, and no price map fetched by LiteLLM at its import."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_API_KEY") and "proxy" not in name.lower()
    }
    return kept | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"}


def _absolutes(
    cells: Sequence[Cell], rounds: Sequence[Mapping[Cell, Mapping[str, float]]], sizes: Sizes
) -> list[dict[str, Any]]:
    figures = []
    for cell in cells:
        measured = [each[cell] for each in rounds if cell in each]
        figure: dict[str, Any] = {
            "name": "provider_call",
            "client": cell.client,
            "way": cell.way,
            "concurrency": cell.concurrency,
            "unit": "ms",
            "n": sizes[cell.way, cell.concurrency],
            "rounds": len(measured),
            "failed_rounds": len(rounds) - len(measured),
        }
        figures.append(figure)
        if not measured:
            continue
        for measure in ("cpu_ms", "wall_ms", "rate", "peak_mib", "warm_cpu_s"):
            figure[measure] = round(statistics.median(each[measure] for each in measured), 3)
        if cell.way == "stream":
            figure["cpu_us_per_chunk"] = round(_per_chunk(measured), 1)
    return figures


def _per_chunk(measured: Sequence[Mapping[str, float]]) -> float:
    """All that a stream costs, by its chunks: the call itself is in it."""
    return statistics.median(each["cpu_ms"] for each in measured) * 1000 / CHUNKS


def _ratios(
    rounds: Sequence[Mapping[Cell, Mapping[str, float]]], sizes: Sizes
) -> list[dict[str, Any]]:
    figures = []
    for way, many in sizes:
        for ours, bases in BASES.items():
            for base in bases:
                found = defaultdict(list)
                for results in rounds:
                    mine = results.get(Cell(ours, way, many))
                    theirs = results.get(Cell(base, way, many))
                    if mine is None or theirs is None:
                        continue
                    for measure in ("cpu_ms", "wall_ms"):
                        found[measure].append(mine[measure] / theirs[measure])
                if not found:
                    continue
                figures.append(
                    {
                        "name": "provider_ratio",
                        "client": ours,
                        "to": base,
                        "way": way,
                        "concurrency": many,
                        "unit": "times",
                        "cpu": _spread(found["cpu_ms"]),
                        "wall": _spread(found["wall_ms"]),
                    }
                    | ({"goal_cpu": GOALS[base]} if base in GOALS else {})
                )
    return figures


def _spread(ratios: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(ratios), 2),
        "min": round(min(ratios), 2),
        "max": round(max(ratios), 2),
    }


def _tell(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
