"""`cogo up`: starts everything, keeps it alive, leaves nothing behind."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.ports import a_port
from tests.support.processes import descendants, is_running, read_command_line
from tests.support.servers.command_line import Up, cogo, cogo_up, environment

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A system that the tests of this module share."""

    up: Up
    home: Path

    @property
    def state(self) -> Path:
        """Return the state directory."""
        return self.home / ".cogo"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Run a system; each test that kills a process waits for the next one."""
    home = tmp_path_factory.mktemp("home")
    with cogo_up("--port", str(a_port()), home=home) as up:
        yield Running(up=up, home=home)


async def kill(running: Running, *words: str) -> None:
    """Kill the process that was started with these words, and wait until it is gone."""
    pid = running.up.find_process(*words)
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not is_running(pid))


async def test_a_second_terminal_finds_the_system_and_a_second_up_is_refused(
    running: Running,
) -> None:
    up = running.up
    below = running.home / "some" / "folder"
    below.mkdir(parents=True)

    doctor = cogo("doctor", "--json", "--dir", str(running.state), home=running.home)
    found = json.loads(doctor.stdout)
    assert found["ok"], found
    verdicts = {check["name"]: check["verdict"] for check in found["checks"]}
    assert verdicts["migrations"] == "ok"
    assert verdicts["realtime"] == "ok"
    assert verdicts["agents"] == "ok"

    again = cogo("up", "--dir", str(running.state), home=running.home)
    assert again.returncode == 1
    assert str(up.process.pid) in again.stderr
    assert up.answer["url"] in again.stderr
    assert len(again.stderr.splitlines()) == 1

    url = up.answer["gateway_url"]
    user = str(running.home)  # the same one, in another directory
    key = cogo("keys", "local", home=below, HOME=user).stdout.strip()
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        assert (await http.get("/tasks")).status_code == 401
        assert (await http.get("/tasks", headers={"x-api-key": key})).status_code == 200
    address = cogo("console", home=below, HOME=user).stdout
    assert address.startswith(f"{url}/#token=cogo_")

    assert up.answer["simulated"]
    assert cogo("migrate", "--json", home=below, HOME=user).returncode == 0


async def test_an_interrupt_ends_everything_within_seconds(tmp_path: Path) -> None:
    """As SIGTERM does, by which `running_system` ends, and a closed terminal (SIGHUP), below."""
    with cogo_up(home=tmp_path) as up:
        pids = descendants(up.process.pid)
        assert len(pids) >= 4

        assert up.stop(signal.SIGINT, within=60) == 0

    assert not [pid for pid in pids if is_running(pid)]


async def test_nothing_outlives_a_killed_up(tmp_path: Path) -> None:
    with cogo_up(home=tmp_path) as up:
        pids = descendants(up.process.pid)

        up.stop(signal.SIGKILL)

        await eventually(lambda: not [pid for pid in pids if is_running(pid)], within=60)


async def test_a_killed_agent_is_replaced_and_answers_probes_where_the_last_one_did(
    running: Running,
) -> None:
    url = running.up.answer["health_urls"]["executor"]
    assert await asked(f"{url}/health") is not None
    await kill(running, "serve", "executor")

    await eventually(lambda: asked(f"{url}/ready"), within=30)
    metrics = await asked(f"{url}/metrics")

    assert metrics is not None
    assert "cogo_realtime_connections_total" in metrics


async def asked(url: str) -> str | None:
    """Return the page, None when it cannot be read or reports an error."""
    with contextlib.suppress(httpx.TransportError):
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.get(url)
        return answer.text if answer.is_success else None
    return None


async def test_a_killed_process_comes_back_on_its_port_even_if_it_was_taken_meanwhile(
    running: Running,
) -> None:
    answer = running.up.answer
    journal = f"{answer['simulator_url']}/_simulator/requests"
    await kill(running, "embedded")
    await kill(running, "simulator")

    def is_back() -> bool:
        shown = cogo("doctor", "--json", "--dir", str(running.state), home=running.home)
        return bool(json.loads(shown.stdout)["ok"]) and answer["url"] in shown.stdout

    await eventually(lambda: asked(journal), within=40)
    await eventually(is_back, within=40, every=0.5)

    log, url = running.state / "logs" / "gateway.log", answer["gateway_url"]
    await kill(running, "serve", "gateway")
    listening = await eventually(lambda: taken(urlsplit(url).port), within=20, every=0.01)
    assert listening is not None
    with listening:
        await eventually(lambda: "cannot listen" in log.read_text(), within=40)
    await eventually(lambda: asked(f"{url}/health"), within=40)


def taken(port: int | None) -> socket.socket | None:
    """Listen there ourselves, once nobody else does."""
    with contextlib.suppress(OSError):
        return socket.create_server(("127.0.0.1", port or 0))
    return None


async def test_a_closed_terminal_is_like_an_interrupt(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    take_terminal = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.executable, [sys.executable, '-P', '-m', 'cogo', 'up', *sys.argv[1:]])"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", take_terminal, "--dir", str(tmp_path / ".cogo")),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=environment(tmp_path),
    )
    os.close(theirs)
    shown = await asyncio.to_thread(_read_until, ours, "next: cogo submit")
    pids = descendants(process.pid)
    os.close(ours)

    async with asyncio.timeout(60):
        code = await process.wait()

    assert code == 0
    assert "sb_secret_" in shown
    assert len(pids) >= 4
    assert not [pid for pid in pids if is_running(pid)]


def _read_until(descriptor: int, text: str) -> str:
    seen = b""
    while text.encode() not in seen:
        seen += os.read(descriptor, 4096)  # may end within a character
    return seen.decode(errors="replace")


async def test_a_request_to_stop_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / ".cogo"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cogo", "up", "--dir", str(home)),
        stdout=asyncio.subprocess.PIPE,
        env=environment(tmp_path),
    )
    log = home / "logs" / "server.log"
    await eventually(lambda: log.exists() and descendants(process.pid), within=60)
    pids = descendants(process.pid)
    process.send_signal(signal.SIGTERM)

    async with asyncio.timeout(60):
        shown, _ = await process.communicate()

    assert process.returncode == 130
    assert b"before the system was ready" in shown
    assert pids
    assert not [pid for pid in pids if is_running(pid)]


async def test_a_server_that_runs_already_is_used_and_left_running(tmp_path: Path) -> None:
    here = ("--dir", str(tmp_path / ".cogo"))
    started = json.loads(cogo("supabase", "start", "--json", *here, home=tmp_path).stdout)
    try:
        elsewhere = cogo("up", "--port", "1", *here, home=tmp_path)
        with cogo_up(home=tmp_path) as up:
            assert up.answer["url"] == started["url"]
            assert "server" not in up.answer["processes"]
            refused = cogo("supabase", "stop", *here, home=tmp_path)
            done = cogo("submit", "Say it", "--type", "CHAT", "--wait", *here, home=tmp_path)
        after = json.loads(cogo("supabase", "status", "--json", *here, home=tmp_path).stdout)
    finally:
        stopped = cogo("supabase", "stop", *here, home=tmp_path)

    assert elsewhere.returncode == 1
    assert started["url"] in elsewhere.stderr
    assert "cogo supabase stop" in elsewhere.stderr
    assert len(elsewhere.stderr.splitlines()) == 1
    assert refused.returncode == 1
    assert done.returncode == 0, done.stderr
    assert after["pid"] == started["pid"]
    assert stopped.returncode == 0


async def test_a_port_in_use_is_one_sentence(running: Running, tmp_path: Path) -> None:
    port = running.up.answer["url"].rpartition(":")[2]

    refused = cogo("up", "--port", port, "--dir", str(tmp_path / ".cogo"), home=tmp_path)

    assert refused.returncode == 1
    assert port in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


async def test_no_secret_is_in_the_json_in_the_logs_or_in_an_argument(running: Running) -> None:
    state = json.loads((running.state / "state.json").read_text())
    secrets = [state["secret_key"], state["db_url"].split(":")[2].partition("@")[0]]
    pids = descendants(running.up.process.pid)
    arguments = "\n".join(word for pid in pids for word in read_command_line(pid))
    logs = [path.read_text() for path in (running.state / "logs").glob("*.log")]

    for secret in secrets:
        assert secret not in json.dumps(running.up.answer)
        assert secret not in arguments
        assert not [log for log in logs if secret in log]
    assert stat.S_IMODE(running.state.stat().st_mode) == 0o700
