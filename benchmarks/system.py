"""A running COGO: `cogo up` in its own process, on an empty directory."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator import run_simulator

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Addresses of a running system, and how long its start took."""

    url: str
    secret_key: str
    gateway_url: str
    simulator_url: str
    seconds_to_ready: float
    pid: int
    """Process id of `cogo up`."""
    pids: Mapping[str, int]
    """Process ids by name."""
    health_urls: Mapping[str, str]
    """Where each agent answers probes."""


@contextlib.contextmanager
def empty_home() -> Iterator[Path]:
    """Yield an empty state directory that exists until the block ends."""
    with tempfile.TemporaryDirectory(prefix="cogo-bench-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # for Postgres, which is another user when we are root
        yield home


@contextlib.asynccontextmanager
async def running_system(
    home: Path, *arguments: str, speed: float = 0.0, variables: Mapping[str, str] | None = None
) -> AsyncIterator[System]:
    """Run `cogo up` on `home` with a simulator at `speed` (0: it never waits)."""
    async with run_simulator(speed=speed) as simulator_url:
        environment = _environment(simulator_url) | dict(variables or {})
        # A benchmark that is killed leaves no system.
        command = [sys.executable, "-m", "cogo.process.parent_watch", "cogo", "up", "--json"]
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(*command, "--dir", str(home), *arguments),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await process.stdout.readline()
            ready = time.monotonic() - started
            if not line:
                raise RuntimeError("the system did not start; its reason is above")
            answer = json.loads(line)
            state = json.loads((home / "state.json").read_text(encoding="utf-8"))
            yield System(
                url=answer["url"],
                secret_key=state["secret_key"],
                gateway_url=answer["gateway_url"],
                simulator_url=simulator_url,
                seconds_to_ready=ready,
                pid=answer["pid"],
                pids=answer["processes"],
                health_urls=answer["health_urls"],
            )
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()


def _environment(simulator_url: str) -> dict[str, str]:
    """Return the usual variables with keys and addresses of our simulator."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    kept.pop("SUPABASE_URL", None)
    return kept | {
        "COGO_GATEWAY_KEYLESS": "true",
        "ANTHROPIC_API_KEY": "simulated",
        "ANTHROPIC_BASE_URL": f"{simulator_url}/anthropic",
        "FIREWORKS_API_KEY": "simulated",
        "FIREWORKS_BASE_URL": f"{simulator_url}/fireworks",
        "GEMINI_API_KEY": "simulated",
        "GOOGLE_GEMINI_BASE_URL": f"{simulator_url}/gemini/v1beta",
        "OPENAI_API_KEY": "simulated",
        "OPENAI_BASE_URL": f"{simulator_url}/openai/v1",
    }
