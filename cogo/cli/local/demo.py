"""`cogo demo`: the whole system at work on five tasks, live."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from cogo.cli.local.demo_tasks import load_tasks
from cogo.config.context import Project
from cogo.demo.report import next_steps, print_report
from cogo.process.shutdown import Shutdown, shut_down_on_signals
from cogo.supervisor.local_stack import LocalStack, StoppedEarly
from cogo.supervisor.stack import StackInfo, StackOptions
from cogo.terminal import print_line, print_text
from cogo.watch.board import board
from cogo.watch.follow import Finished, follow
from cogo.wiring.stores import Client, open_client_of
from protocol.lifecycle import TaskState
from protocol.records import Task

EXAMPLES: Final = ("cogo demo", "cogo demo --simulate", "cogo demo --executors 1")
INTERRUPTED: Final = 130


def demo(
    *,
    executors: Annotated[int, typer.Option(help="How many executor processes.", min=1)] = 2,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Let the vendor simulator answer even when keys are set."),
    ] = False,
) -> None:
    """Start the whole system for a moment and watch it do five tasks.

    It runs on an embedded Supabase of its own in a temporary directory, whatever SUPABASE_URL
    says. Real models answer when a key or a local model server is found, else the vendor
    simulator, and every line says so.
    """
    with tempfile.TemporaryDirectory(prefix="cogo-demo-") as home:
        # Run by root, Postgres is another user, and its data must be reachable below this folder.
        Path(home).chmod(0o711)
        code = asyncio.run(_demo(_own(Path(home)), executors=executors, simulate=simulate))
    raise typer.Exit(code)


def _own(home: Path) -> Project:
    found = Project.find(home)
    return replace(found, settings=found.settings.model_copy(update={"supabase_url": None}))


async def _demo(project: Project, *, executors: int, simulate: bool) -> int:
    options = StackOptions(executors=executors, capacity=4, has_gateway=False, simulate=simulate)
    console = Console()
    console.print("Starting the embedded Supabase, an orchestrator and executors ...")
    code = INTERRUPTED
    try:
        async with (
            _running(project, options) as (info, client, shutdown),
            asyncio.TaskGroup() as group,
        ):
            working = group.create_task(_work(info, client, console), name="tasks")
            leaving = group.create_task(_leave(shutdown, working), name="Ctrl-C")
            working.add_done_callback(lambda _: leaving.cancel())
        code = INTERRUPTED if working.cancelled() else working.result()
    except* StoppedEarly:
        print_line("stopped before everything was up", err=True)
    return code


@contextlib.asynccontextmanager
async def _running(
    project: Project, options: StackOptions
) -> AsyncIterator[tuple[StackInfo, Client, Shutdown]]:
    """Run the stack while the block runs; drain it at the end."""
    with shut_down_on_signals() as shutdown:
        ready: asyncio.Future[StackInfo] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            stack = LocalStack(project, options, shutdown)
            group.create_task(stack.run(ready.set_result), name="stack")
            try:
                info = await ready
                async with open_client_of(info.connection) as client:
                    yield info, client, shutdown
            finally:
                shutdown.drain.set()


async def _leave(shutdown: Shutdown, working: "asyncio.Task[int]") -> None:
    await shutdown.drain.wait()
    working.cancel()


async def _work(info: StackInfo, client: Client, console: Console) -> int:
    named = load_tasks()
    simulated = info.is_simulated
    mark = "   simulated" if simulated else ""
    console.print(f"Supabase is at {info.connection.url}; inserting {len(named)} tasks{mark}\n")
    inserted = {name: await client.store.submit_task(task) for name, task in named.items()}
    names = {task.id: name for name, task in inserted.items()}
    ended: list[Task] = []
    with board(names, simulated=simulated, console=console) as view:
        async for happening in follow(list(names), store=client.store, bus=client.bus):
            view.show(happening)
            if isinstance(happening, Finished):
                ended.append(happening.task)
    attempts = {task.id: await client.store.fetch_attempts(task_id=task.id) for task in ended}
    print_report(names, ended, attempts, simulated=simulated)
    for line in next_steps(simulated=simulated):
        (print_line if line.startswith(" ") else print_text)(line)  # commands are not broken
    return 0 if all(task.status is TaskState.COMPLETED for task in ended) else 1
