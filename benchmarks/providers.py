"""Cost of a model call through COGO, the vendors' SDKs, raw httpx, LiteLLM and any-llm.

All call the same local server in the same run. Each cell (client, concurrency, streamed or not)
is a new process that calls for a fixed time; the clients take turns within a round, and ratios
are computed within a round. The run begins with `provider_cancel`. Every sample is printed as it
is measured; figures, and what is missing, follow however the run ends.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks import provider_cancel
from benchmarks.environments import python_of
from benchmarks.provider_cells import PEERS, Cell, choose
from benchmarks.provider_figures import Sample, figures_of
from benchmarks.vendor_server import running_server

CALLS: Final = Path(__file__).parent / "peers" / "calls.py"
ROUNDS: Final = 5
SECONDS: Final = 1.5
"""Seconds in which a cell starts calls; running ones are finished. At least one full wave."""
QUICK_SECONDS: Final = 0.3
BUDGET: Final = 540.0
"""Seconds after which no cell is started, so that a run ends within ten minutes."""
SLOW: Final = 20.0
"""Seconds; a cell that took longer is not repeated."""
LONGEST: Final = 90.0
"""Seconds after which a cell has failed."""

Report: TypeAlias = Callable[[dict[str, Any]], None]


async def run(
    report: Report, *, quick: bool = False, only: str | None = None, cells: str | None = None
) -> None:
    """Report samples as they are measured, then a figure for each cell and ratio.

    Raises:
        UnknownName: `only` or `cells` names what is not there.
    """
    chosen, cancels = choose(only, cells, quick=quick)
    pythons = {
        peer: await asyncio.to_thread(python_of, peer, pins)
        for peer, pins in PEERS.items()
        if any(cell.client == peer for cell in chosen)
    }
    if cancels:
        await provider_cancel.run(report, quick=quick)
    if not chosen:
        return
    async with running_server() as url:
        plan = _Plan(chosen, pythons, url, report, seconds=QUICK_SECONDS if quick else SECONDS)
        await plan.measure(1 if quick else ROUNDS)


class _Plan:
    """The rounds over the cells, and their results so far."""

    def __init__(
        self,
        cells: list[Cell],
        pythons: Mapping[str, Path],
        url: str,
        report: Report,
        *,
        seconds: float,
    ) -> None:
        self._cells, self._pythons, self._url = cells, pythons, url
        self._report, self._seconds = report, seconds
        self._rounds: list[dict[Cell, Sample]] = []
        self._missing: dict[tuple[int, Cell], str] = {}
        self._slow: set[Cell] = set()

    async def measure(self, rounds: int) -> None:
        """Measure and report what fits into the budget, then the figures."""
        begun = time.monotonic()
        self._rounds = [{} for _ in range(rounds)]
        turns = [(number, cell) for number in range(rounds) for cell in _order(self._cells, number)]
        try:
            for number, cell in turns:
                if time.monotonic() - begun > BUDGET:
                    self._missing[number, cell] = "out of time"
                elif cell in self._slow:
                    self._missing[number, cell] = "slow, so measured once"
                elif why := await self._sample(number, cell):
                    self._missing[number, cell] = why
        finally:
            for figure in figures_of(self._cells, self._rounds):
                self._report(figure)
            self._report(
                {
                    "name": "providers_run",
                    "unit": "s",
                    "seconds": round(time.monotonic() - begun, 1),
                    "samples": sum(map(len, self._rounds)),
                    "planned": len(turns),
                    "missing": [
                        f"round {number + 1}, {cell.place}, {cell.client}: "
                        + self._missing.get((number, cell), "stopped")
                        for number, cell in turns
                        if cell not in self._rounds[number]
                    ],
                }
            )

    async def _sample(self, number: int, cell: Cell) -> str | None:
        """Measure one cell; return the reason if there is no sample.

        A failing peer must not lose the samples of the others.
        """
        begun = time.monotonic()
        try:
            async with asyncio.timeout(LONGEST):
                sample = await self._run(cell)
        except TimeoutError:
            return f"took longer than {LONGEST:.0f} s"
        if time.monotonic() - begun > SLOW:
            self._slow.add(cell)
        if sample is None:
            return "failed; its reason was on stderr"
        self._rounds[number][cell] = sample
        self._report(
            {
                "name": "provider_sample",
                "round": number + 1,
                "client": cell.client,
                "way": cell.way,
                "concurrency": cell.concurrency,
                **{measure: round(value, 3) for measure, value in sample.items()},
                "load": round(os.getloadavg()[0], 1),
            }
        )
        return None

    async def _run(self, cell: Cell) -> Sample | None:
        process = await asyncio.create_subprocess_exec(
            str(self._pythons.get(cell.client, Path(sys.executable))),
            str(CALLS),
            cell.client,
            self._url,
            str(cell.concurrency),
            str(self._seconds),
            cell.way,
            stdout=asyncio.subprocess.PIPE,
            env=environment(),
            start_new_session=True,  # a Ctrl-C is for us, who then end it
        )
        try:
            answer, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            return None
        found: Sample = json.loads(answer)
        return found


def _order(cells: Sequence[Cell], number: int) -> list[Cell]:
    """Return the cells by kind of call, with clients in a different order each round."""
    chance = random.Random(number)  # noqa: S311 - no secret
    return [
        cell
        for _, group in groupby(cells, key=lambda cell: cell.place)
        for cell in sorted(group, key=lambda _: chance.random())
    ]


def environment() -> dict[str, str]:
    """Return an environment without keys and proxies, in which LiteLLM fetches no price map."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_API_KEY") and "proxy" not in name.lower()
    }
    return kept | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "*"}
