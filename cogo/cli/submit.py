"""`cogo submit`: ask for something and follow it to the answer."""

import asyncio
import json
import sys
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from cogo.cli.options import AsJson, Dir
from cogo.cli.output import print_json, print_line
from cogo.errors import CommandError
from cogo.live.follow import Delta, Finished, follow
from cogo.live.lines import (
    cost_text,
    event_line,
    selection_line,
    short,
    task_answer,
    task_tokens,
)
from cogo.project import Project
from cogo.wiring import Client, open_client
from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import Event, NewTask, SelectionRow, Task

EXAMPLES: Final = (
    'cogo submit "Write a Python function is_palindrome(text)"',
    'cogo submit "Write a binary search" --language python --out search.py',
    'cogo submit "Is this safe?" --type ANALYZE_CODE --file retry.py',
    'cogo submit "Hello" --type CHAT --model claude-sonnet --no-wait --json',
)

FAILED: Final = 1
CANCELLED: Final = 4
_CODES: Final = {TaskState.COMPLETED: 0, TaskState.CANCELLED: CANCELLED}


def submit(
    *,
    prompt: Annotated[str, typer.Argument(help="What you want; `-` reads it from standard input.")],
    task_type: Annotated[
        str, typer.Option("--type", help="GENERATE_CODE, ANALYZE_CODE, OPTIMIZE_CODE or CHAT.")
    ] = "GENERATE_CODE",
    model: Annotated[str | None, typer.Option(help="A model instead of the CIO's choice.")] = None,
    language: Annotated[str | None, typer.Option(help="Language of the code.")] = None,
    target_file: Annotated[str | None, typer.Option(help="Path inside the repository.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Code to analyse or to build on.", exists=True, dir_okay=False),
    ] = None,
    params: Annotated[str | None, typer.Option(help="More params, as a JSON object.")] = None,
    priority: Annotated[int, typer.Option(help="0 (first) to 9.", min=0, max=9)] = 5,
    budget: Annotated[str | None, typer.Option(help="The most it may cost, in US dollars.")] = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds after which the answer is of no use.", min=1)
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key gives the same task.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow to the answer.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write the answer to a file.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask for something and follow it to the answer.

    The answer goes to standard output, everything else to standard error. Ctrl-C stops following;
    the task goes on. Exit code 0: completed, 1: failed, 4: cancelled.
    """
    task = NewTask(
        prompt=sys.stdin.read() if prompt == "-" else prompt,
        type=task_type,
        params=_params(
            params, language=language, target_file=target_file, file=file, kind=task_type
        ),
        model=model,
        priority=priority,
        budget_usd=_dollars(budget),
        deadline=utc_now() + timedelta(seconds=deadline) if deadline is not None else None,
        idempotency_key=key,
    )
    project = Project.find(directory)
    ended = asyncio.run(_submit(project, task, wait=wait, as_json=as_json))
    if ended is None:
        return
    if out is not None and ended.status is TaskState.COMPLETED:
        _write(out, task_answer(ended))
        print_line(f"{short(ended.id)}  written      {out}", err=True)
    _print_end(ended, as_json=as_json, to_file=out is not None)
    raise typer.Exit(_CODES.get(ended.status, FAILED))


async def _submit(project: Project, new: NewTask, *, wait: bool, as_json: bool) -> Task | None:
    async with open_client(project) as client:
        task = await client.store.submit_task(new)
        if not wait:
            _print_task(task, as_json=as_json)
            return None
        print_line(f"{short(task.id)}  submitted    {task.id}", err=True)
        try:
            return await _followed(client, task, show=not as_json)
        except asyncio.CancelledError:
            print_line(f"{short(task.id)}  goes on without you: cogo watch {task.id}", err=True)
            raise


async def _followed(client: Client, task: Task, *, show: bool) -> Task:
    streamed = False
    async for happening in follow([task.id], store=client.store, bus=client.bus):
        match happening:
            case Finished(ended):
                task = ended
            case Event() if show and (line := event_line(happening)):
                print_line(f"{chr(10) if streamed else ''}{short(task.id)}  {line}", err=True)
                streamed = False
            case SelectionRow() if show:
                print_line(f"{short(task.id)}  {selection_line(happening)}", err=True)
            case Delta() if show and sys.stderr.isatty():
                typer.secho(happening.text, err=True, nl=False, dim=True)
                streamed = True
            case _:
                pass
    return task


def _print_task(task: Task, *, as_json: bool) -> None:
    if as_json:
        print_json(task.model_dump(mode="json"))
    else:
        print_line(str(task.id))


def _print_end(task: Task, *, as_json: bool, to_file: bool) -> None:
    if as_json:
        print_json(task.model_dump(mode="json"))
        return
    simulated = "  simulated" if (task.result or {}).get("simulated") else ""
    model = (task.result or {}).get("model_used", "no model")
    print_line(
        f"{short(task.id)}  {task.status}  {model}  {task_tokens(task)} tokens  "
        f"{cost_text(task.cost_usd)}{simulated}",
        err=True,
    )
    if task.status is TaskState.COMPLETED and not to_file:
        print_line(task_answer(task))


def _params(
    text: str | None, *, language: str | None, target_file: str | None, file: Path | None, kind: str
) -> dict[str, Any]:
    params = _object(text) if text else {}
    if language:
        params["language"] = language
    if target_file:
        params["target_file"] = target_file
    if file is not None:
        params["code" if kind == "ANALYZE_CODE" else "code_context"] = _read(file)
    return params


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(
            f'--params is not JSON ({error}); example: --params \'{{"language": "python"}}\''
        ) from error
    if not isinstance(value, dict):
        raise CommandError(
            '--params must be a JSON object; example: --params \'{"language": "python"}\''
        )
    return value


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read as text: {error}") from error


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error}") from error


def _dollars(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text.removeprefix("$"))
    except InvalidOperation as error:
        raise CommandError(f"--budget is {text!r}; it must be dollars such as 0.25") from error
    if not value.is_finite() or value < 0:
        raise CommandError(f"--budget is {text!r}; it must be dollars such as 0.25")
    return value
