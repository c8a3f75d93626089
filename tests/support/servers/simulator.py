"""The vendor simulator as a process of its own, and its request log."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def simulator_process() -> Iterator[str]:
    """Run a simulator that does not wait; gives its URL."""
    command = [sys.executable, "-m", "simulator", "--speed", "0", "--with-parent"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(timeout=60)


class Journal:
    """The requests to the simulator since this was made."""

    def __init__(self, client: httpx.AsyncClient, *, after: int) -> None:
        self._client = client
        self._after = after

    async def requests(self) -> list[dict[str, Any]]:
        """Entries of the requests, oldest first."""
        response = await self._client.get("/_simulator/requests", params={"after": self._after})
        found: list[dict[str, Any]] = response.json()["requests"]
        return found


async def journal_of(client: httpx.AsyncClient) -> Journal:
    """Look at the journal from here on."""
    known = await Journal(client, after=0).requests()
    return Journal(client, after=known[-1]["number"] if known else 0)
