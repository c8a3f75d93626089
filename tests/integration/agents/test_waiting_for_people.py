"""Questions to people on a real database: whoever dies, they wait, and nothing is paid twice."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.settings import Settings
from cogo.wiring.gateway import open_services
from embedded.state import State
from gateway.app import create_app
from gateway.metrics import GatewayMetrics
from gateway.options import GatewayOptions
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, ApprovalRow, Task
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually
from tests.support.sources import ROOT

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

MODULE = '''
from pathlib import Path

from cogo.workflows import Result, Run, tool, workflow

LOG = Path(__file__).parent / "calls.log"


@tool(approval={"expires_in": 86400, "escalate": {"after": 3600, "to": "operators"}})
def ship(n: int) -> str:
    """Ship something, if a person agrees."""
    with LOG.open("a") as log:
        log.write(f"ship {n}\\\\n")
    return f"ship {n}"


@workflow("ASKING")
async def asking(run: Run) -> Result:
    decision = await run.approve("sure", run.prompt, cost_usd=0.5, expires_in=86400)
    return Result("yes" if decision.approved else "no")


@workflow("CALLING")
async def calling(run: Run) -> Result:
    return Result(await run.call(ship, 9))
'''.replace("\\\\", "\\")
MORTAL = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from agents.executor.service import run_executor
from agents.middleware.budget import BudgetMiddleware
from agents.orchestrator.service import run_orchestrator
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.tools.host import ToolHost
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.transport.supabase_store import open_store
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus

url, key, folder, simulator, name = sys.argv[1:]
catalogue = Catalogue.load()
options = RuntimeOptions(
    tool_capacity=2, lease=timedelta(seconds=2), extend_every=timedelta(seconds=0.3),
    poll_busy=timedelta(seconds=0.05), poll_idle=timedelta(seconds=0.2),
    heartbeat_every=timedelta(seconds=0.5), list_tools=lambda: ["people.ship"],
)
given = Credential(key=SecretStr("a-key"), base_url=f"{simulator}/anthropic")


def identify(kind):
    return AgentIdentity(id=f"{name}-{kind}", kind=kind, host="h", pid=1, version="0")


async def list_no_lanes():
    return []


async def main():
    module = {"modules": ["people"], "folders": [Path(folder)]}
    async with (
        open_store(url, key) as store,
        ToolHost(**module) as tools,
        WorkflowHost(WORKFLOWS, **module) as workflows,
        Router(
            catalogue, {"anthropic": given},
            middleware=(BudgetMiddleware(store, agent_id=f"{name}-executor", keeps_prompts=False),),
        ) as router,
        asyncio.TaskGroup() as group,
    ):
        shared = {
            "open_store": lambda: open_store(url, key), "bus": FakeBus(), "options": options,
            "drain": Drain(), "on_ready": lambda: None,
        }
        group.create_task(run_orchestrator(
            catalogue=catalogue, workflows=workflows, lanes=list_no_lanes,
            identity=identify("orchestrator"), **shared,
        ))
        group.create_task(run_executor(
            router=router, identity=identify("executor"), tools=tools, **shared,
        ))


asyncio.run(main())
"""


@asynccontextmanager
async def mortal(agents: Fleet, folder: Path, name: str) -> AsyncIterator[None]:
    """Run an orchestrator and an executor until the block ends, by SIGKILL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MORTAL, agents.server.url, agents.server.secret_key),
        *(str(folder), agents.simulator, name),
        cwd=ROOT,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def gateway(project: State, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Open a gateway that needs no key."""
    connection = Connection(
        url=project.url,
        secret_key=SecretStr(project.secret_key),
        publishable_key=project.publishable_key,
        is_embedded=True,
    )
    here = Project(settings=Settings.load(home), home=home, directory=home)
    options, metrics = GatewayOptions(is_loopback=True, is_keyless=True), GatewayMetrics()
    edge = create_app(partial(open_services, here, connection, options, metrics), options, metrics)
    async with (
        edge.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(edge), base_url="http://127.0.0.1:8000"
        ) as client,
    ):
        yield client


async def answer_by_sql(agents: Fleet, asked: ApprovalRow) -> None:
    connection = await asyncpg.connect(agents.server.db_url)
    try:
        await connection.execute("select from public.cogo_answer_approval($1, true)", asked.id)
    finally:
        await connection.close()


async def answer_by_http(client: httpx.AsyncClient, asked: ApprovalRow) -> None:
    answer = await client.post(f"/approvals/{asked.id}", json={"approved": True})
    assert answer.status_code == 200, answer.text


async def answer_by_cli(agents: Fleet, home: Path, asked: ApprovalRow) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cogo", "approve", str(asked.task_id), "--yes"),
        env={
            "PATH": "",
            "SUPABASE_URL": agents.server.url,
            "SUPABASE_SECRET_KEY": agents.server.secret_key,
            "COGO_HOME": str(home),
            "COGO_ENV_FILE": str(home / "no.env"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0, printed.decode()


async def submit_all(agents: Fleet, owner: Any) -> list[Task]:
    """Submit what asks ten questions."""
    model = {"type": "CHAT", "model": "claude-haiku-5-5"}
    asks = {"on_budget": "ask", "max_output_tokens": 1000}
    tools = {"tools": ["people.ship"]}
    return [
        *[await agents.submit(f"Sure {n}?", type="ASKING") for n in range(3)],
        await agents.submit("Ship it.", type="CALLING"),
        *[await agents.submit(f'ship {{"n": {n}}}', **model, params=tools) for n in range(3)],
        *[await agents.submit("Hi.", **model, params=asks, budget_usd="0.00001") for _ in range(2)],
        *[await agents.submit("Hi.", **model, params=asks, owner=owner) for _ in range(2)],
    ]


async def test_ten_questions_survive_that_everything_is_killed(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    (tmp_path / "people.py").write_text(MODULE, "utf-8")
    owner = uuid4()
    cap: dict[str, Any] = {"scope": "owner", "key": str(owner), "per": "day"}

    async with fleet() as agents:
        store = agents.store

        async def find_all() -> list[ApprovalRow] | None:
            found = await store.find_approvals(limit=50, visible=EVERYTHING)
            waiting = [
                step
                for task in tasks
                for step in await store.fetch_subtasks(task_id=task.id)
                if step.status == "waiting"
            ]
            return found if len(found) == 10 and len(waiting) == len(tasks) else None

        await store.set_budget(**cap, limit_usd=Decimal("0.00001"))
        async with mortal(agents, tmp_path, "first"):
            tasks = await submit_all(agents, owner)
            found = await eventually(find_all, within=60)
        assert found is not None
        by_kind = {
            kind: [each for each in found if each.kind == kind]
            for kind in ("step", "tool", "budget")
        }
        assert {kind: len(rows) for kind, rows in by_kind.items()} == {
            "step": 3, "tool": 4, "budget": 3,
        }  # fmt: skip
        shared = next(each for each in by_kind["budget"] if each.by == "operators")
        own = [each for each in by_kind["budget"] if each is not shared]
        assert all(each.expires_at for each in (*by_kind["step"], *by_kind["tool"]))

        for each in (by_kind["step"][0], by_kind["tool"][0], own[0]):  # while nobody works
            await answer_by_sql(agents, each)
        async with mortal(agents, tmp_path, "second"), gateway(agents.server, tmp_path) as client:
            for each in (by_kind["step"][1], by_kind["tool"][1], own[1]):
                await answer_by_http(client, each)
            for each in (by_kind["step"][2], *by_kind["tool"][2:]):
                await answer_by_cli(agents, tmp_path, each)
            assert await store.fetch_approval(approval_id=shared.id) == shared
            await store.set_budget(**cap, limit_usd=Decimal(5))
            ended = [await agents.ended(each.id) for each in tasks]
            calls = await store.fetch_calls(limit=50, every_owner=True)
            withdrawn = await store.fetch_approval(approval_id=shared.id)
            answered = [await store.fetch_approval(approval_id=each.id) for each in found]
            attempts = [await store.fetch_attempts(task_id=each.id) for each in tasks]

    assert [each.status for each in ended] == [TaskState.COMPLETED] * 11, [e.error for e in ended]
    assert withdrawn.withdrawn_reason is not None
    assert Counter(each.approved for each in answered) == {True: 9, None: 1}
    assert Counter(each.answered_via for each in answered) == {None: 4, "http": 3, "cli": 3}
    log = (tmp_path / "calls.log").read_text().splitlines()
    assert sorted(log) == ["ship 0", "ship 1", "ship 2", "ship 9"]
    # Two turns of each loop, and one answer of each other question: all paid once.
    ours = [each for each in calls if each.task_id in {task.id for task in tasks}]
    assert Counter(each.outcome for each in ours) == {"completed": 10}
    outcomes = {each.outcome for task in attempts for each in task}
    assert outcomes == {"completed", "suspended"}
