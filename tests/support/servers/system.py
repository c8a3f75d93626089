"""The whole system as `cogo up` starts it, which must leave nothing behind."""

import contextlib
import subprocess
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from embedded.state import State, read_state
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.support.ports import a_port
from tests.support.processes import descendants, is_running
from tests.support.servers.command_line import Up, cogo, cogo_up

STATE: Final = ".cogo"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running system; the vendor simulator stands for the models."""

    up: Up
    home: Path
    """The working directory; the state lies in `.cogo` below it."""
    state: State
    """The embedded Supabase: its address and its keys."""

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a raw request with the secret key."""
        return {"apikey": self.state.secret_key}

    @property
    def simulator_url(self) -> str:
        """Return the URL of the vendor simulator."""
        return str(self.up.answer["simulator_url"])

    def store(self) -> AbstractAsyncContextManager[SupabaseStore]:
        """Open a store as agents do."""
        return open_store(self.state.url, self.state.secret_key)

    def cogo(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in a second terminal."""
        return cogo(*arguments, "--dir", str(self.home / STATE), home=self.home, **variables)

    async def asked(self) -> list[dict[str, Any]]:
        """Return the requests that have reached the simulator, oldest first."""
        async with httpx.AsyncClient(base_url=self.simulator_url, timeout=60) as simulator:
            answer = await simulator.get("/_simulator/requests")
            found: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
            return found

    def log_of(self, agent_id: str) -> list[str]:
        """Return the log lines of the process that runs an agent."""
        name = agent_id.partition("@")[0]
        return (self.home / STATE / "logs" / f"{name}.log").read_text().splitlines()


@contextlib.contextmanager
def running_system(home: Path, *arguments: str, **variables: str) -> Iterator[System]:
    """Run `cogo up --simulate --no-key` in `home` until the block ends; fails if it leaves a trace.

    A trace is a process that still lives, or a log that holds a secret. Its ports are its own also
    while what listens there is started anew.
    """
    ports = ("--port", str(a_port()), "--gateway-port", str(a_port()))
    with cogo_up("--simulate", "--no-key", *ports, *arguments, home=home, **variables) as up:
        state = read_state(home / STATE)
        assert state is not None
        yield System(up=up, home=home, state=state)
        pids = descendants(up.process.pid)
        if up.process.poll() is None:
            assert up.stop() == 0
    assert not [pid for pid in pids if is_running(pid)]
    for log in (home / STATE).rglob("*.log"):
        text = log.read_text()
        assert not [name for name, secret in secrets_of(state).items() if secret in text], log


def secrets_of(state: State) -> dict[str, str]:
    """Return the secrets that may appear nowhere, by name."""
    return {
        "secret key": state.secret_key,
        "service role key": state.service_role_key,
        "database password": state.db_url.split(":")[2].partition("@")[0],
    }
