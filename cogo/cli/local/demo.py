"""`cogo demo`: five tasks on a temporary system, live, and a column that fills itself."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console

from cogo.cli.local.demo_column import insert_tickets, tell_column, wait_for_summaries
from cogo.cli.local.local_model import RunLocalModel, host_local_model, offer_local_model
from cogo.cli.local.story import tell_task
from cogo.config.context import Project
from cogo.config.database import connect_database
from cogo.config.settings import CHECKOUT
from cogo.errors import CommandError
from cogo.process.shutdown import Shutdown, shut_down_on_signals
from cogo.supervisor.local_stack import LocalStack, StoppedEarly
from cogo.supervisor.stack import StackInfo, StackOptions
from cogo.terminal import command_path, print_line, print_text
from cogo.watch.board import open_board
from cogo.watch.follow import follow
from cogo.wiring.stores import Client, open_client
from protocol.lifecycle import TaskState
from protocol.records import NewTask, Task
from protocol.transcript import TaskEnded

_INTERRUPTED: Final = 130
_SUMMARIES: Final = timedelta(seconds=30)
"""How long to wait for the column after the tasks, which take longer."""
_TASKS_OF_CHECKOUT: Final = CHECKOUT / "examples" / "tasks"
_TASKS_OF_WHEEL: Final = Path(__file__).parent / "_demo_tasks"


def demo(
    *,
    executors: Annotated[int, typer.Option(help="Number of executor processes.", min=1)] = 2,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Use the vendor simulator even if keys are set."),
    ] = False,
    local_model: RunLocalModel = False,
) -> None:
    """Run five tasks on a temporary system, and fill a column.

    One task has tests of its own, two have tests that a model writes: watch a repair and an
    escalation. A debate and a review follow. At the end a column of a table is shown that was
    filled in the meantime.

    It starts an embedded Supabase in a temporary directory, even if SUPABASE_URL is set, starts
    agents for it, and shows the tasks live. With neither a provider's key nor a local model server,
    the vendor simulator answers, and every line says "simulated".

    Examples:
        cogo demo
        cogo demo --simulate
        cogo demo --local-model          # a small open model on this machine, without a key
        cogo demo --executors 1
    """
    with tempfile.TemporaryDirectory(prefix="cogo-demo-") as home:
        # If root runs this, Postgres runs as another user, who must be able to enter it.
        Path(home).chmod(0o711)
        project = Project.find(Path(home))
        settings = project.settings.model_copy(update={"supabase_url": None})
        project = replace(project, settings=settings)
        wanted = local_model or (not simulate and offer_local_model(project))
        with host_local_model(project, wanted=wanted, simulate=simulate) as hosting:
            options = StackOptions(
                executors=executors,
                capacity=4,
                has_gateway=False,
                simulate=simulate,
                local_model=hosting,
            )
            code = asyncio.run(_run_demo(project, options))
    raise typer.Exit(code)


async def _run_demo(project: Project, options: StackOptions) -> int:
    console = Console()
    console.print("Starting the embedded Supabase, an orchestrator and executors ...")
    code = _INTERRUPTED
    try:
        async with (
            _run_stack(project, options) as (info, client, shutdown),
            asyncio.TaskGroup() as group,
        ):
            working = group.create_task(_run_all(info, client, console), name="tasks")
            stopping = group.create_task(_cancel_on_shutdown(shutdown, working), name="Ctrl-C")
            working.add_done_callback(lambda _: stopping.cancel())
        code = _INTERRUPTED if working.cancelled() else working.result()
    except* StoppedEarly:
        print_line("stopped before the system was ready", err=True)
    return code


@contextlib.asynccontextmanager
async def _run_stack(
    project: Project, options: StackOptions
) -> AsyncIterator[tuple[StackInfo, Client, Shutdown]]:
    """Run the stack for the duration of the block; drain it at the end."""
    with shut_down_on_signals() as shutdown:
        ready: asyncio.Future[StackInfo] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            stack = LocalStack(project, options, shutdown)
            group.create_task(stack.run(ready.set_result), name="stack")
            try:
                info = await ready
                async with open_client(info.connection) as client:
                    yield info, client, shutdown
            finally:
                shutdown.drain.set()


async def _cancel_on_shutdown(shutdown: Shutdown, working: "asyncio.Task[int]") -> None:
    await shutdown.drain.wait()
    working.cancel()


async def _run_all(info: StackInfo, client: Client, console: Console) -> int:
    """Run the tasks while a column is filled; return the exit code."""
    assert info.db_url is not None  # noqa: S101 - it is the embedded server
    async with connect_database(info.db_url) as database:
        await insert_tickets(database)
        code = await _run_tasks(info, client, console)
        summaries = await wait_for_summaries(database, within=_SUMMARIES)
    print_line()
    for line in tell_column(summaries):
        print_line(line)
    for line in _list_next_steps(simulated=info.is_simulated):
        (print_line if line.startswith(" ") else print_text)(line)  # commands are not wrapped
    return code


async def _run_tasks(info: StackInfo, client: Client, console: Console) -> int:
    tasks = _load_tasks()
    if info.local_model_url is not None:  # a single small model cannot disagree with others
        tasks = {name: task for name, task in tasks.items() if task.type != "DEBATE"}
    simulated = info.is_simulated
    mark = "   simulated" if simulated else ""
    console.print(f"Supabase is at {info.connection.url}; inserting {len(tasks)} tasks{mark}\n")
    inserted = {name: await client.store.submit_task(task) for name, task in tasks.items()}
    names = {task.id: name for name, task in inserted.items()}
    ended: list[Task] = []
    with open_board(names, simulated=simulated, console=console) as view:
        async for update in follow(list(names), store=client.store, bus=client.bus):
            view.show(update)
            if isinstance(update, TaskEnded):
                ended.append(update.task)
    _print_report(names, ended)
    return 0 if all(task.status is TaskState.COMPLETED for task in ended) else 1


def _load_tasks() -> dict[str, NewTask]:
    """Return the tasks by name. Raises CommandError, which names the file."""
    folder = _TASKS_OF_CHECKOUT if _TASKS_OF_CHECKOUT.is_dir() else _TASKS_OF_WHEEL
    tasks = {}
    for path in sorted(folder.glob("*.json")):
        try:
            task = NewTask.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (json.JSONDecodeError, ValidationError) as error:
            raise CommandError(f"{path} is not a task: {error}") from error
        tasks[path.stem.partition("-")[2]] = task
    return tasks


def _print_report(names: Mapping[UUID, str], tasks: Sequence[Task]) -> None:
    """Print what each task has shown, in the order of `names`."""
    by_id = {task.id: task for task in tasks}
    width = max(map(len, names.values()), default=0) + 2
    for id_, name in names.items():
        print_line()
        for number, line in enumerate(tell_task(by_id[id_])):
            print_line(f"{'' if number else name:<{width}}{line}")


def _list_next_steps(*, simulated: bool) -> Iterator[str]:
    cogo = command_path()
    yield ""
    yield "Next:"
    steps = {
        f"{cogo} up": "starts the system and leaves it running",
        f'{cogo} submit "Write a Python function is_palindrome(text)"': "in a second terminal",
        f"{cogo} watch": "shows everything that happens, live",
    }
    for command, what in steps.items():
        yield f"  {command}"
        yield f"      {what}"
    if simulated:
        yield ""
        yield (
            "All results were simulated. Set ANTHROPIC_API_KEY (or FIREWORKS_API_KEY, "
            "OPENAI_API_KEY) and run this again to use a real model, or run it with --local-model "
            "to use a small open one on this machine."
        )
