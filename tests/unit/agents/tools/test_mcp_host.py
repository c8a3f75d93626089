"""Tools of MCP servers that hang, die, flood and lie: each call ends, and harms no other."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from agents.tools.host import ToolFailed
from agents.tools.mcp import McpHost
from agents.tools.mcp.limits import Allowance, TooMuch
from providers.secrets import Redactor
from tests.support.eventually import eventually
from tests.support.mcp.hosts import HOSTILE, QUICK, a_host, a_hostile_server
from tests.support.sources import ROOT


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def read_calls(log: Path) -> list[str]:
    return log.read_text("utf-8").split() if log.exists() else []


async def fail(host: McpHost, tool: str) -> ToolFailed:
    with pytest.raises(ToolFailed) as failed:
        await host.run_tool(f"mcp:bad/{tool}", {"text": "x"})
    return failed.value


async def run(host: McpHost, tool: str, **arguments: Any) -> object:
    return (await host.run_tool(f"mcp:bad/{tool}", arguments)).content


async def echo(host: McpHost, text: str = "hello") -> object:
    return await run(host, "echo", text=text)


async def try_to_echo(host: McpHost) -> object:
    """Return what is said, or None if that took too long for an impatient host."""
    try:
        return await echo(host)
    except ToolFailed as error:
        assert error.error_class == "tool_timeout", error.message
        return None


async def test_a_tool_is_called_and_gives_its_text(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        offered = {each.name: each for each in await host.list_tools()}

        assert await echo(host) == "hello"

    assert offered["mcp:bad/echo"].call_name == "bad__echo"
    assert offered["mcp:bad/echo"].is_idempotent
    assert not offered["mcp:bad/die"].is_idempotent
    assert read_calls(log) == ["echo"]


@pytest.mark.parametrize(
    ("tool", "error_class", "text"),
    [
        ("hang", "outcome_unknown", "has not answered within 0.5 s; whether it took effect is"),
        ("other_id", "outcome_unknown", "has not answered within 0.5 s; whether it took effect is"),
        ("die", "outcome_unknown", "it has ended: exit code 9: my last words; whether"),
        ("flood", "outcome_unknown", "more than 300 messages at once; whether"),
        ("flood_line", "outcome_unknown", "a message of more than 4 MiB; whether"),
        ("flood_lines", "outcome_unknown", "more than 300 messages at once; whether"),
        ("no_protocol", "outcome_unknown", "its answer does not keep the protocol, in content"),
        ("answers_error", "tool_failed", "mcp:bad/answers_error: the server answers: broken"),
        ("lie", "tool_failed", "has run, but what it gives does not fit its own schema: "),
    ],
)
async def test_what_a_server_does_wrong_fails_one_call_and_the_next_one_works(
    tool: str, error_class: str, text: str, log: Path
) -> None:
    is_late = tool in {"hang", "other_id"}
    server = a_hostile_server(log, seconds=0.5 if is_late else 60.0)

    async with a_host(server) as host:
        error = await fail(host, tool)
        after = await eventually(lambda: try_to_echo(host))

    assert (error.error_class, text in error.message) == (error_class, True), error.message
    assert after == "hello"
    first, *others = read_calls(log)
    assert (first, set(others)) == (tool, {"echo"})
    assert is_late or len(others) == 1


async def test_what_may_run_again_says_that_it_took_too_long(log: Path) -> None:
    idempotent = frozenset({"hang", "die"})

    async with a_host(a_hostile_server(log, idempotent=idempotent, seconds=0.3)) as host:
        late = await fail(host, "hang")
    async with a_host(a_hostile_server(log, idempotent=idempotent)) as host:
        dead = await fail(host, "die")

    assert (late.error_class, dead.error_class) == ("tool_timeout", "tool_failed")


async def test_a_call_that_hangs_ends_no_other_that_runs(log: Path) -> None:
    script = ROOT / "tests/support/mcp/patient_server.py"
    server = replace(a_hostile_server(log), command=(sys.executable, str(script)), seconds=30.0)
    async with a_host(server) as host, asyncio.TaskGroup() as group:
        await host.list_tools()
        slow = group.create_task(host.run_tool("mcp:bad/wait", {"name": "slow"}))
        hung = group.create_task(host.run_tool("mcp:bad/wait", {"name": "hung"}))
        assert await run(host, "count", least=2) == {"result": "2"}
        hung.cancel()
        assert await run(host, "release", name="slow") == {"result": "released"}
        assert (await slow).content == {"result": "slow"}


async def test_arguments_that_do_not_fit_are_not_sent(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        with pytest.raises(ToolFailed) as failed:
            await host.run_tool("mcp:bad/echo", {"text": 7})

    assert failed.value.error_class == "invalid_arguments"
    assert failed.value.message.startswith("mcp:bad/echo: ")
    assert not read_calls(log)


async def test_parallel_calls_share_a_process(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        outputs = await asyncio.wait_for(
            asyncio.shield(_run_all(host, [f"text {n}" for n in range(50)])), 60
        )

    assert outputs == [f"text {n}" for n in range(50)]


async def _run_all(host: McpHost, texts: list[str]) -> list[object]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(echo(host, each)) for each in texts]
    return [each.result() for each in tasks]


async def test_a_server_that_does_not_start_harms_no_other(log: Path) -> None:
    good, bad = a_hostile_server(log), a_hostile_server(log, "refuses", name="dead")
    gone = replace(good, name="gone", command=("/no/such/program",))

    async with a_host(good, bad, gone) as host:
        names = {each.name for each in await host.list_tools()}
        problems = host.problems
        with pytest.raises(ToolFailed) as failed:
            await host.run_tool("mcp:dead/echo", {})

    assert {each.partition("/")[0] for each in names} == {"mcp:bad"}
    assert problems["dead"] == "it has ended: exit code 1: I do not want to"
    assert "/no/such/program: No such file or directory" in problems["gone"]
    assert failed.value.error_class == "unknown_tool"
    assert "MCP server dead cannot be used: it has ended" in failed.value.message


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("many", "it has more than 500 tools; name those to use in tools = [...]"),
        ("circle", "its list of tools goes round in a circle"),
        ("endless", "its list of tools has more than 200 pages"),
    ],
)
async def test_lists_without_end_are_refused(how: str, problem: str, log: Path) -> None:
    async with a_host(a_hostile_server(log, how), limits=replace(QUICK, messages=1_000)) as host:
        assert not await host.list_tools()
        assert host.problems["bad"].startswith(problem)


async def test_of_ten_thousand_tools_those_that_are_named_are_used(log: Path) -> None:
    server = a_hostile_server(log, "many", tools=frozenset({"tool9999", "tool3", "none"}))

    async with a_host(server) as host:
        assert {each.name for each in await host.list_tools()} == {
            "mcp:bad/tool9999",
            "mcp:bad/tool3",
        }
        assert "the server has no such tool" in host.problems["bad/none"]


async def test_a_server_that_does_not_list_its_tools_is_given_up(log: Path) -> None:
    limits = replace(QUICK, start_seconds=0.5)

    async with a_host(a_hostile_server(log, "silent"), limits=limits) as host:
        assert not await host.list_tools()
        assert "within 0.5 s" in host.problems["bad"] or "timed out" in host.problems["bad"]


async def test_a_tool_that_has_disappeared_is_not_called(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        await host.list_tools()
        assert await run(host, "change") == "changed"
        await eventually(lambda: "mcp:bad/vanish" not in host.names)
        error = await fail(host, "vanish")

    assert error.error_class == "unknown_tool"
    assert error.message.startswith("MCP server bad has no tool vanish; it has answers_error, ")
    assert read_calls(log) == ["change"]


async def test_a_server_gets_no_variable_of_ours_and_its_secrets_are_masked(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-agent-0123456789")
    key = "a-key-of-the-server"
    server = a_hostile_server(
        log, environment={"PATH": "/usr/bin:/bin", "KEY": key}, secrets=(key,)
    )

    async with a_host(server, redactor=Redactor()) as host:
        text = await run(host, "leak")

    variables = json.loads(str(text))
    assert "ANTHROPIC_API_KEY" not in variables
    assert variables["KEY"] == "[redacted]"


@pytest.mark.parametrize(
    ("tool", "answer"), [("ask", "Elicitation not supported"), ("sample", "Sampling not supported")]
)
async def test_requests_of_a_server_are_refused(tool: str, answer: str, log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        output = await host.run_tool(f"mcp:bad/{tool}", {})

    assert json.loads(str(output.content))["message"] == answer


async def test_an_error_of_a_tool_is_its_output(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        output = await host.run_tool("mcp:bad/says_error", {})

    assert (output.content, output.is_error) == ("it did not work", True)


async def test_what_is_too_large_or_too_deep_is_cut(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        big = str(await run(host, "big"))
        deep = await run(host, "deep")

    assert len(big) < 300_000
    assert big.endswith("[cut: the tool gave 3000000 characters]")
    assert str(deep).startswith('{"a": [[[[')


async def test_a_server_that_does_not_read_is_ended(log: Path) -> None:
    limits = replace(QUICK, write_seconds=0.2)

    async with a_host(a_hostile_server(log), limits=limits) as host, asyncio.TaskGroup() as group:
        hung = group.create_task(fail(host, "hang"))
        await eventually(lambda: read_calls(log))
        with pytest.raises(ToolFailed, match="it does not read its input"):
            await host.run_tool("mcp:bad/echo", {"text": "x" * 1_000_000})
        error = await hung
        assert await echo(host) == "hello"

    assert (error.error_class, "it does not read" in error.message) == ("outcome_unknown", True)


def test_what_a_server_may_send_grows_back() -> None:
    now = 0.0
    limits = replace(QUICK, messages=10, messages_per_second=5, bytes=100, bytes_per_second=10)
    allowance = Allowance(limits, clock=lambda: now)

    allowance.take(messages=10, size=100)
    with pytest.raises(TooMuch, match="more than 10 messages at once"):
        allowance.take(messages=1)
    now = 1.0
    allowance.take(messages=4, size=10)
    with pytest.raises(TooMuch, match="MiB at once"):
        allowance.take(size=1)
    now = 1_000.0
    allowance.take(messages=10, size=100)


async def test_images_are_attachments(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        output = await host.run_tool("mcp:bad/image", {})

    assert [each.media_type for each in output.attachments] == ["image/png"]
    assert output.content == ""


async def test_what_a_server_writes_elsewhere_is_logged_without_secrets(log: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message.record["extra"])), level="INFO")
    try:
        async with a_host(a_hostile_server(log)) as host:
            assert await run(host, "noise") == "fine"
    finally:
        logger.remove(sink)

    assert any("[redacted]" in each for each in lines)
    assert not any("sb_secret_" in each for each in lines)


async def test_a_call_does_not_begin_if_the_agent_stops(log: Path) -> None:
    def stop() -> None:
        raise InterruptedError("the agent stops")

    async with a_host(a_hostile_server(log)) as host:
        with pytest.raises(InterruptedError, match="the agent stops"):
            await host.run_tool("mcp:bad/echo", {}, begin=stop)

    assert not read_calls(log)


async def test_an_idle_server_is_ended_and_started_again(log: Path) -> None:
    server = a_hostile_server(log)

    async with a_host(server, limits=replace(QUICK, idle_seconds=0.0)) as host:
        await host.list_tools()
        await eventually(lambda: not _find_processes(log))
        assert await echo(host) == "hello"


async def test_a_server_ends_with_its_host_even_if_it_ignores_its_input(log: Path) -> None:
    async with a_host(a_hostile_server(log)) as host:
        await host.run_tool("mcp:bad/deaf", {})
        assert _find_processes(log)

    assert not _find_processes(log)


def test_a_server_ends_with_an_agent_that_is_killed(log: Path) -> None:
    program = f"""
import asyncio
from pathlib import Path
from tests.support.mcp.hosts import a_host, a_hostile_server

async def main():
    async with a_host(a_hostile_server(Path({str(log)!r}))) as host:
        output = await host.run_tool("mcp:bad/deaf", {{}})
        print(output.content, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    agent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert agent.stdout is not None
    server = int(agent.stdout.readline())
    children = Path(f"/proc/{server}/task/{server}/children").read_text("utf-8").split()
    agent.send_signal(signal.SIGKILL)
    agent.wait()
    agent.stdout.close()

    asyncio.run(eventually(lambda: not _find_processes(log), within=30))
    assert children
    asyncio.run(eventually(lambda: not any(map(_is_alive, children)), within=30))


def _is_alive(number: str) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text("utf-8").split()[2] != "Z"
    except OSError:
        return False


def _find_processes(log: Path) -> list[str]:
    """Return the numbers of hostile servers with this log."""
    found = []
    for each in Path("/proc").iterdir():
        if not each.name.isdigit() or int(each.name) == os.getpid():
            continue
        try:
            words = (each / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(HOSTILE) in words and os.fsencode(log) in words and _is_alive(each.name):
            found.append(each.name)
    return found
