"""Tool loops on a real database: nothing is asked or run twice, whoever dies, and whenever."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.tools.host import ToolHost
from protocol.lifecycle import TaskState
from protocol.records import StoredTurn, Task
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually
from tests.support.sources import ROOT

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

TOOLS = '''
import os, signal
from pathlib import Path

from cogo.workflows import tool

LOG = Path(__file__).parent / "calls.log"


def note(line: str) -> str:
    with LOG.open("a") as log:
        log.write(line + "\\n")
    return line


@tool(idempotent=True)
def look(n: int) -> str:
    """Look at something."""
    return note(f"look {n}")


@tool
def pay(n: int) -> str:
    """Pay something."""
    return note(f"pay {n}")


@tool
def crash() -> str:
    """Kill the executor, but only the first time."""
    first = not LOG.exists()
    note("crash")
    if first:
        os.kill(os.getppid(), signal.SIGKILL)
    return "survived"


@tool(approval=True)
def ship(n: int) -> str:
    """Ship something, if a person agrees."""
    return note(f"ship {n}")
'''
NAMES = ["loop_tools.look", "loop_tools.pay", "loop_tools.crash", "loop_tools.ship"]
MORTAL = """
import asyncio, os, signal, sys
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from agents.executor.service import run_executor
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.tools.host import ToolHost
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus

import providers.adapters.anthropic.client

url, key, folder, simulator, count, dies = sys.argv[1:]
names = ["loop_tools.look", "loop_tools.pay", "loop_tools.crash", "loop_tools.ship"]
store_turns = SupabaseStore.store_turns


async def store_and_die(self, **given):
    answers = await store_turns(self, **given)
    if dies == "after-storing" and answers[0].answer == "ok":
        os.kill(os.getpid(), signal.SIGKILL)
    return answers


async def main(name):
    SupabaseStore.store_turns = store_and_die
    options = RuntimeOptions(
        tool_capacity=2, lease=timedelta(seconds=1), extend_every=timedelta(seconds=0.3),
        poll_busy=timedelta(seconds=0.05), poll_idle=timedelta(seconds=0.2),
        list_tools=lambda: names,
    )
    given = Credential(
        key=SecretStr("simulated"), base_url=f"{simulator}/anthropic", simulated=True
    )
    async with Router(Catalogue.load(), {"anthropic": given}) as router:
        async with ToolHost(modules=["loop_tools"], folders=[Path(folder)]) as tools:
            await run_executor(
                open_store=lambda: open_store(url, key),
                bus=FakeBus(),
                router=router,
                identity=AgentIdentity(id=name, kind="executor", host="h", pid=1, version="0"),
                options=options,
                drain=Drain(),
                on_ready=lambda: None,
                tools=tools,
            )


for number in range(int(count)):
    if os.fork() == 0:  # its imports are done
        asyncio.run(main(f"mortal-{number}"))
        os._exit(0)
os.write(1, b"started")
signal.pause()
"""


@pytest.fixture
def tools(tmp_path: Path) -> ToolHost:
    (tmp_path / "loop_tools.py").write_text(TOOLS, "utf-8")
    return ToolHost(modules=["loop_tools"], folders=[tmp_path])


def read_log(folder: Path) -> list[str]:
    log = folder / "calls.log"
    return log.read_text().splitlines() if log.is_file() else []


@asynccontextmanager
async def mortals(agents: Fleet, folder: Path, *, count: int, dies: str) -> AsyncIterator[None]:
    """Run executors that die by SIGKILL; what is left of them ends with the block."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MORTAL, agents.server.url, agents.server.secret_key),
        *(str(folder), agents.simulator, str(count), dies),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert started.stdout is not None
        await started.stdout.readexactly(len("started"))
        yield
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        await started.wait()


async def submit(agents: Fleet, prompt: str, **params: Any) -> Task:
    return await agents.submit(
        prompt, type="CHAT", model="claude-sonnet-5-5", params={"tools": NAMES} | params
    )


async def fetch_turns(agents: Fleet, task: Task) -> list[StoredTurn]:
    [step] = [
        each for each in await agents.store.fetch_subtasks(task_id=task.id) if each.kind == "ask"
    ]
    return await agents.store.fetch_turns(subtask_id=step.id)


async def count_requests(agents: Fleet) -> int:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{agents.simulator}/_simulator/requests")
    return len(answer.json()["requests"])


def options() -> dict[str, Any]:
    return {"tool_capacity": 2, "list_tools": lambda: NAMES}


async def test_a_model_calls_tools_until_it_answers(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with tools, fleet() as agents:
        assert not tools.problems
        await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        task = await submit(agents, 'look {"n": 1} and pay {"n": 2}, then look {"n": 3}')
        ended = await agents.ended(task.id)
        turns = await fetch_turns(agents, task)
        asked = await count_requests(agents)
        sent = [each.envelope.type for request in agents.bus.requests for each in request]

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert "pay 2" in ended.result["text"]
    assert (ended.result["turns"], asked) == (3, 3)
    assert [each.kind for each in turns if each.kind != "result"] == ["answer", "begun", "answer"]
    assert sorted(read_log(tmp_path)) == ["look 1", "look 3", "pay 2"]
    assert Counter(sent)["TOOL_CALL"] == Counter(sent)["TOOL_RESULT"] == 3


async def test_executors_that_die_after_each_stored_turn_ask_and_run_nothing_twice(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with fleet() as agents, mortals(agents, tmp_path, count=7, dies="after-storing"):
        await agents.orchestrator()
        task = await submit(agents, 'look {"n": 1} and pay {"n": 2}, then look {"n": 3}')
        ended = await agents.ended(task.id)
        turns = await fetch_turns(agents, task)
        asked = await count_requests(agents)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert (ended.result["turns"], asked) == (3, 3)
    results = {each.body["tool"]: each.body["status"] for each in turns if each.kind == "result"}
    assert results["loop_tools.look"] == "ok"
    # It began, and nobody knows whether it has run: it must not run again.
    assert results["loop_tools.pay"] == "unknown"
    assert read_log(tmp_path).count("pay 2") == 0
    # A task that makes progress survives more deaths than one that does not.
    asks = [each for each in attempts if each.lane != "cio"]
    assert [each.outcome for each in asks] == ["reaped"] * 6 + ["completed"]


async def test_a_tool_that_takes_its_executor_with_it_is_not_run_again(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with tools, fleet() as agents, mortals(agents, tmp_path, count=1, dies="in-the-tool"):
        await agents.orchestrator()
        task = await submit(agents, 'crash {} and look {"n": 1}')
        await eventually(lambda: "crash" in read_log(tmp_path), within=60)
        await agents.executor("e-1", tools=tools, **options())
        ended = await agents.ended(task.id)
        turns = await fetch_turns(agents, task)
        asked = await count_requests(agents)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert read_log(tmp_path).count("crash") == 1
    results = {each.body["tool"]: each.body["status"] for each in turns if each.kind == "result"}
    assert results == {"loop_tools.crash": "unknown", "loop_tools.look": "ok"}
    assert asked == 2


async def test_a_person_agrees_while_no_executor_runs(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with tools, fleet() as agents:
        executor = await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        task = await submit(agents, 'ship {"n": 1} and look {"n": 2}')

        async def find_waiting() -> Any:
            steps = await agents.store.fetch_subtasks(task_id=task.id)
            return next((each for each in steps if each.status == "waiting"), None)

        step = await eventually(find_waiting, within=60)
        assert step is not None
        agents.drains[0].begin()
        await executor
        assert read_log(tmp_path) == ["look 2"]
        await agents.store.approve_subtask(subtask_id=step.id, approved=True)
        await agents.executor("e-2", tools=tools, **options())
        ended = await agents.ended(task.id)
        asked = await count_requests(agents)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert read_log(tmp_path) == ["look 2", "ship 1"]
    assert asked == 2


@pytest.mark.parametrize(
    ("names", "error_class", "says"),
    [
        (["loop_tools.gone"], "invalid_task", "there are: loop_tools.crash"),
        (["lok"], "invalid_task", "no executor offers 'lok'"),
    ],
)
async def test_a_tool_that_nobody_offers_costs_nothing(
    fleet: OpenFleet, tools: ToolHost, names: list[str], error_class: str, says: str
) -> None:
    async with tools, fleet() as agents:
        await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        task = await submit(agents, "Look.", tools=names)
        ended = await agents.ended(task.id)
        asked = await count_requests(agents)

    assert ended.status is TaskState.FAILED
    assert ended.error is not None
    assert ended.error["class"] == error_class
    assert ended.error["field"] == "params.tools"
    assert says in ended.error["message"]
    assert asked == 0


THREE_LOOKS = 'look {"n": 1}, then look {"n": 2}, then look {"n": 3}'


async def test_executors_that_die_on_the_way_to_another_model_decide_alike(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    """Two answers with broken calls; after each stored turn an executor dies."""
    async with fleet() as agents, mortals(agents, tmp_path, count=7, dies="after-storing"):
        await agents.orchestrator()
        task = await submit(agents, f"{THREE_LOOKS} [[fault:bad-arguments times=2]]")
        ended = await agents.ended(task.id)
        turns = await fetch_turns(agents, task)
        asked = await count_requests(agents)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert (ended.result["turns"], asked) == (4, 4)
    assert [each.body.get("rejected") for each in turns if each.kind == "result"] == [
        "malformed", "malformed", None,
    ]  # fmt: skip
    assert ended.result["derived"]["calls"] == {
        "clean": 1, "repaired": 0, "rejected": {"malformed": 2}, "text": 0,
    }  # fmt: skip
    assert set(read_log(tmp_path)) == {"look 3"}
    asks = [each for each in attempts if each.lane != "cio"]
    assert [each.outcome for each in asks][-1] == "completed"


async def test_another_model_goes_on_when_one_calls_badly_three_times(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with tools, fleet() as agents:
        await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        prompt = f"{THREE_LOOKS} [[fault:bad-arguments times=3]]"
        task = await agents.submit(prompt, type="CHAT", params={"tools": NAMES})
        ended = await agents.ended(task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)
        selections = await agents.store.fetch_selections(task_id=task.id)
        asked = await count_requests(agents)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    first, _, last = [each for each in attempts if each.model_id or each.outcome == "routed"][-3:]
    assert first.outcome == "rerouted"
    assert first.error is not None
    assert first.error["class"] == "bad_tool_calls"
    assert ended.result["model_used"] == last.model_id != first.model_id
    assert f"{first.model_id} failed (bad_tool_calls)" in str(selections[-1].reason)
    assert read_log(tmp_path) == ["look 1", "look 2", "look 3"]
    assert asked == 3 + 4


async def test_a_model_that_the_task_names_is_not_replaced(
    fleet: OpenFleet, tools: ToolHost, tmp_path: Path
) -> None:
    async with tools, fleet() as agents:
        await agents.executor("e-1", tools=tools, **options())
        await agents.orchestrator()
        task = await submit(agents, f"{THREE_LOOKS} [[fault:unknown-tool]]")
        ended = await agents.ended(task.id)
        asked = await count_requests(agents)

    assert ended.status is TaskState.FAILED
    assert ended.error is not None
    assert ended.error["class"] == "bad_tool_calls"
    assert "the task names this one" in ended.error["message"]
    assert asked == 3
    assert read_log(tmp_path) == []
