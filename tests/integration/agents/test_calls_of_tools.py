"""Calls of tools on a real database, and the death of the process that runs them."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from agents.tools.host import ToolHost
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.lifecycle import TaskState
from tests.support.eventually import eventually
from tests.support.processes import is_running
from tests.support.sources import ROOT

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]

TOOLS = """
import os
import socket  # files with tools may import what a workflow must not
import time
from pathlib import Path

from cogo.workflows import tool


def run(log: str) -> int:
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()}\\n")
    times = Path(log).read_text().count("\\n")
    if times == 1:  # the process is killed meanwhile
        time.sleep(600)
    return times


@tool
def charge(log: str) -> int:
    return run(log)


@tool(idempotent=True)
def look(log: str) -> int:
    return run(log)


@tool
async def total(prices: list[float], currency: str = "EUR") -> dict[str, float]:
    return {currency: sum(prices)}
"""
FLOWS = """
from cogo.workflows import OutcomeUnknown, Result, Run, workflow
from shop_tools import charge, look, total


@workflow("BUY")
async def buy(run: Run) -> Result:
    charged, looked = await run.settled(
        run.call(charge, log=run.params["charge"]), run.call(look, log=run.params["look"])
    )
    text = "unknown" if isinstance(charged, OutcomeUnknown) else "paid"
    return Result(text, output={"looked": looked})


@workflow("ADD")
async def add(run: Run) -> Result:
    one = await run.call(total, [1.5, 2])
    two = await run.call(total, [one["EUR"]], currency="USD")
    return Result(str(two["USD"]))
"""
EXECUTOR = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path

from agents.executor.service import run_executor
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.tools.host import ToolHost
from protocol.transport.supabase_store import open_store
from providers.catalogue.catalogue import Catalogue
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus


async def main(url: str, key: str, folder: str) -> None:
    options = RuntimeOptions(
        tool_capacity=2, lease=timedelta(seconds=1), extend_every=timedelta(seconds=0.3)
    )
    async with Router(Catalogue.load(), {}) as router:
        async with ToolHost(modules=["shop_tools"], folders=[Path(folder)]) as tools:
            await run_executor(
                open_store=lambda: open_store(url, key),
                bus=FakeBus(),
                router=router,
                identity=AgentIdentity(id="dying", kind="executor", host="h", pid=1, version="0"),
                options=options,
                drain=Drain(),
                on_ready=lambda: None,
                tools=tools,
            )


asyncio.run(main(*sys.argv[1:]))
"""


def write_modules(folder: Path) -> WorkflowHost:
    (folder / "shop_tools.py").write_text(TOOLS, "utf-8")
    (folder / "shop_flows.py").write_text(FLOWS, "utf-8")
    return WorkflowHost(WORKFLOWS, modules=["shop_flows"], folders=[folder])


async def test_tools_are_called_with_typed_arguments_and_results(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    flows = write_modules(tmp_path)
    tools = ToolHost(modules=["shop_tools"], folders=[tmp_path])
    async with flows, tools, fleet() as agents:
        assert not flows.problems
        assert not tools.problems
        await agents.executor("e-1", tools=tools, tool_capacity=2)
        await agents.orchestrator(workflows=flows)
        task = await agents.ended((await agents.submit("Add.", type="ADD")).id)
        steps = await agents.store.fetch_subtasks(task_id=task.id)

    assert task.status is TaskState.COMPLETED, task.error
    assert task.result is not None
    assert task.result["text"] == "3.5"
    assert {(each.key, each.kind, each.lane) for each in steps if each.kind != "flow"} == {
        ("total", "call", "tools:shop_tools"),
        ("total#2", "call", "tools:shop_tools"),
    }


async def test_only_what_is_idempotent_is_run_again_after_the_death_of_its_executor(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    flows = write_modules(tmp_path)
    tools = ToolHost(modules=["shop_tools"], folders=[tmp_path])
    logs = {name: tmp_path / f"{name}.log" for name in ("charge", "look")}
    async with flows, tools, fleet() as agents:
        await agents.orchestrator(workflows=flows)
        dying = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", EXECUTOR, agents.server.url, agents.server.secret_key),
            str(tmp_path),
            cwd=ROOT,
        )
        try:
            params = {name: str(file) for name, file in logs.items()}
            task = await agents.submit("Buy.", type="BUY", params=params)
            await eventually(
                lambda: all(each.is_file() and each.read_text() for each in logs.values()),
                within=60,
            )
        finally:
            dying.send_signal(signal.SIGKILL)
            await dying.wait()
        pids = [int(each.read_text()) for each in logs.values()]
        await eventually(lambda: not any(map(is_running, pids)), within=20)
        await agents.executor("e-1", tools=tools, tool_capacity=2)
        ended = await agents.ended(task.id)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert ended.result["text"] == "unknown"
    assert ended.result["looked"] == 2
    assert logs["charge"].read_text().count("\n") == 1
