"""Following a run in a terminal: Ctrl-C detaches or cancels, and questions are answered."""

import asyncio
import codecs
import os
import signal
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias, TypeVar
from uuid import UUID, uuid4

from rich.console import Console

from cogo.cli.ids import find_task_id
from cogo.cli.session import run_with_client
from cogo.cli.task_options import apply_default_project, check_task
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_text
from cogo.watch.participants import SwarmProgress
from cogo.watch.run_lines import RunLine, RunProgress
from cogo.watch.run_screen import Screen, open_screen
from cogo.watch.steps import DecisionUpdate, RunUpdate, StepUpdate, follow_steps
from cogo.watch.swarm_screen import open_swarm_screen
from cogo.watch.why_waiting import explain_stop
from cogo.wiring.stores import Client
from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import ApprovalRow, NewTask, Task
from protocol.transcript import PartReader, TaskEnded, TranscriptDelta

CANCEL_SECONDS: Final = 3.0
"""Time in which a second Ctrl-C cancels the task."""
_P = TypeVar("_P", bound=RunProgress)
_Answer: TypeAlias = Callable[[ApprovalRow, bool, str | None], None]
_ENTER: Final = "\r\n"
_BACKSPACE: Final = "\x7f\x08"
_MAX_TYPED: Final = 2_000
KEYS: Final = "Ctrl-C leaves it running, twice cancels it"
_AGAIN: Final = "Ctrl-C again cancels the task; without it, it continues in the background"


class Interrupts:
    """The Ctrl-C of a person, counted."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def add(self) -> None:
        """Count one."""
        self.count += 1
        self.wake()

    def wake(self) -> None:
        """Make `wait` look again."""
        self._changed.set()

    async def wait(self, count: int, following: asyncio.Task[None]) -> None:
        """Wait until there have been so many, or the task has ended."""
        while self.count < count and not following.done():
            self._changed.clear()
            await self._changed.wait()


@asynccontextmanager
async def catch_interrupts() -> AsyncIterator[Interrupts]:
    """Count Ctrl-C while the block runs, which does not interrupt it."""
    loop, interrupts = asyncio.get_running_loop(), Interrupts()
    loop.add_signal_handler(signal.SIGINT, interrupts.add)
    try:
        yield interrupts
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def run_task_live(
    directory: Path | None,
    new: NewTask | None,
    attached: str | None,
    create_progress: Callable[[Task], _P],
    *,
    as_json: bool,
) -> tuple[_P, bool]:
    """Insert a task, or find the attached one, and show it; return whether it has ended."""
    project = Project.find(directory)

    async def run(client: Client) -> tuple[_P, bool]:
        async with catch_interrupts() as interrupts:
            if new is None:
                task_id = await find_task_id(client.store, attached or "")
                task = await client.store.fetch_task(task_id=task_id)
            else:
                task = await _submit(client, new, project)
            _print_begin(task, as_json=as_json)
            progress = create_progress(task)
            return progress, await _run_attached(client, progress, interrupts, as_json=as_json)

    return run_with_client(project, run)


async def _submit(client: Client, given: NewTask, project: Project) -> Task:
    new = apply_default_project(given, project.settings)
    await check_task(new, new.id or uuid4(), project=project, store=client.store)
    task = await client.store.submit_task(new)
    if stop := await client.store.fetch_spending_stop():
        print_text(explain_stop(stop), err=True)
    return task


def _print_begin(task: Task, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": "task", "task_id": task.id, "type": task.type, "model": task.model,
                    "budget_usd": task.budget_usd})  # fmt: skip
    else:
        print_line(f"{'0:00':>6}  {'task':<11} {task.id}", err=True)


async def _run_attached(
    client: Client, progress: RunProgress, interrupts: Interrupts, *, as_json: bool
) -> bool:
    """Show a task until it ends; return False if the person left it running."""
    async with AsyncExitStack() as stack:
        if as_json:
            screen: Screen = _JsonScreen(progress.task.id)
        else:
            console = Console(stderr=True, highlight=False)
            opened = (
                open_swarm_screen(progress, console)
                if isinstance(progress, SwarmProgress)
                else open_screen(progress, console)
            )
            screen = await stack.enter_async_context(opened)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        following = group.create_task(_follow(client, progress, screen))
        following.add_done_callback(lambda _: interrupts.wake())
        await interrupts.wait(1, following)
        if not following.done():
            await _leave(client, progress.task.id, screen, interrupts, following)
        has_ended = following.done()
        following.cancel()
        return has_ended


async def _leave(
    client: Client,
    task_id: UUID,
    screen: Screen,
    interrupts: Interrupts,
    following: asyncio.Task[None],
) -> None:
    """Wait for a second Ctrl-C, which cancels the task; a third one leaves before its end."""
    screen.show(_say("detaches", _AGAIN, {"event": "detaching"}))
    with suppress(TimeoutError):
        async with asyncio.timeout(CANCEL_SECONDS):
            await interrupts.wait(2, following)
    if interrupts.count > 1 and not following.done():
        await _cancel(client, task_id, screen, interrupts)
        await interrupts.wait(3, following)


async def _cancel(client: Client, task_id: UUID, screen: Screen, interrupts: Interrupts) -> None:
    screen.show(_say("cancels", "waiting for its end", {"event": "cancelling"}))
    while interrupts.count < 3:  # the third leaves
        try:
            await client.store.cancel_task(task_id=task_id, reason="by Ctrl-C")
        except StoreUnavailable:
            await asyncio.sleep(1)
        except CogoError as error:  # it has ended meanwhile
            screen.show(_say("cancels", str(error), {"event": "error", "message": str(error)}))
            return
        else:
            return


async def _follow(client: Client, progress: RunProgress, screen: Screen) -> None:
    async with asyncio.TaskGroup() as group:
        await _show_updates(client, progress, screen, group)


async def _show_updates(
    client: Client, progress: RunProgress, screen: Screen, group: asyncio.TaskGroup
) -> None:
    is_swarm = isinstance(progress, SwarmProgress)
    parts = PartReader()
    updates = follow_steps(
        progress.task.id, store=client.store, bus=client.bus, with_parts=is_swarm
    )
    with _open_questions(client, screen, group) as questions:
        async for update in updates:
            questions.take(update)
            if isinstance(screen, _JsonScreen) and is_swarm:
                screen.show_parts(parts, update)
            elif isinstance(screen, _JsonScreen) and isinstance(update, TranscriptDelta):
                screen.show_text(update)
            for line in progress.apply(update):
                screen.show(line)
            if isinstance(update, TaskEnded):
                return


class _JsonScreen:
    """Prints each event as a line of JSON."""

    def __init__(self, task_id: UUID) -> None:
        self._task_id = task_id

    def show(self, line: RunLine) -> None:
        """Print an event."""
        at = line.at.isoformat()
        print_json({**line.data, "task_id": self._task_id, "at": at})

    def show_text(self, delta: TranscriptDelta) -> None:
        """Print a piece of text."""
        print_json({
            "event": delta.kind, "key": delta.key, "role": delta.role, "attempt": delta.attempt,
            "offset": delta.offset, "delta": delta.delta, "task_id": self._task_id,
        })  # fmt: skip

    def show_parts(self, parts: PartReader, update: RunUpdate) -> None:
        """Print how an update changes the parts of a swarm."""
        if isinstance(update, DecisionUpdate):
            return
        changes = parts.apply(update.event if isinstance(update, StepUpdate) else update)
        for each in (*changes, *parts.settle()):
            print_json({
                "event": "part", "agent": each.agent, "role": each.role, "model": each.model,
                "status": each.status, "text": each.text, "task_id": self._task_id,
            })  # fmt: skip

    def set_hint(self, hint: str) -> None:
        """Do nothing: a program presses no keys."""


class QuestionKeys:
    """Questions that the person at this terminal can answer with its keys."""

    def __init__(self, answer: _Answer, screen: Screen) -> None:
        self._answer = answer
        self._screen = screen
        self._typed = ""
        self._open: dict[UUID, ApprovalRow] = {}

    def take(self, update: RunUpdate) -> None:
        """Replace the questions of a step by those that are open now."""
        if not isinstance(update, StepUpdate) or update.status == "held":
            return
        before = dict(self._open)
        self._open = {
            key: each for key, each in before.items() if each.subtask_id != update.row.id
        } | {each.id: each for each in update.approvals}
        if self._open != before:
            if next(iter(self._open), None) != next(iter(before), None):
                self._typed = ""
            self._show_hint()

    def press(self, key: str) -> None:
        """Answer the oldest question: with y or n, or with a text that ends with Enter."""
        asked = next(iter(self._open.values()), None)
        if asked is None:
            return
        if asked.is_text_question:
            self._type(asked, key)
        elif key.lower() in {"y", "n"}:
            self._end(asked, key.lower() == "y", None)
        self._show_hint()

    def _type(self, asked: ApprovalRow, key: str) -> None:
        if key in _ENTER:
            if text := self._typed.strip():
                self._end(asked, True, text)
        elif key in _BACKSPACE:
            self._typed = self._typed[:-1]
        elif key.isprintable() and len(self._typed) < _MAX_TYPED:
            self._typed += key

    def _end(self, asked: ApprovalRow, approved: bool, text: str | None) -> None:
        self._typed = ""
        del self._open[asked.id]
        self._answer(asked, approved, text)

    def _show_hint(self) -> None:
        asked = next(iter(self._open.values()), None)
        if asked is None:
            self._screen.set_hint(KEYS)
        elif asked.is_text_question:
            self._screen.set_hint(f"{asked.key}: type the answer, then Enter: {self._typed}")
        else:
            self._screen.set_hint(f"{asked.key}: approve? y/n")


@contextmanager
def _open_questions(
    client: Client, screen: Screen, group: asyncio.TaskGroup
) -> Iterator[QuestionKeys]:
    """Read keys while the block runs, if a person can see the questions and type."""

    async def send(asked: ApprovalRow, approved: bool, text: str | None) -> None:
        try:
            await client.store.answer_approval(
                approval_id=asked.id, approved=approved, comment=text, via="cli"
            )
        except CogoError as error:
            text = str(error)
            screen.show(_say(asked.key, text, {"event": "error", "message": text}))

    def answer(asked: ApprovalRow, approved: bool, text: str | None) -> None:
        group.create_task(send(asked, approved, text))

    questions = QuestionKeys(answer, screen)
    if isinstance(screen, _JsonScreen) or not (sys.stdin.isatty() and sys.stderr.isatty()):
        yield questions
        return
    with _read_keys(questions.press):
        yield questions


@contextmanager
def _read_keys(press: Callable[[str], None]) -> Iterator[None]:
    """Call `press` with each key while the block runs; Ctrl-C still interrupts."""
    descriptor, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        try:
            keys = os.read(descriptor, 64)
        except OSError:
            keys = b""
        if not keys:  # the terminal is gone
            loop.remove_reader(descriptor)
        for key in decoder.decode(keys):
            press(key)

    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _say(name: str, text: str, data: dict[str, object]) -> RunLine:
    return RunLine(at=utc_now(), name=name, text=text, tone="notice", data=data)
