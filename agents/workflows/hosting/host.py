"""All workflows of an orchestrator: ours in its process, those of users in another one."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from loguru import logger
from pydantic import BaseModel, TypeAdapter

import agents
from agents.errors import InvalidTask
from agents.runtime.json_process import JsonProcess, NoAnswer
from agents.workflows.engine import Advance, FlowFailed, Workflow, advance
from agents.workflows.engine.outcomes import ADVANCE
from agents.workflows.hosting import child
from agents.workflows.hosting.loading import build_clash
from agents.workflows.hosting.worker import LoadAnswer, WorkflowDescription
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord

CPU_SECONDS: Final = 1.0
WALL_SECONDS: Final = 10.0
"""For a process that gets no CPU time, or waits for something."""
LOAD_SECONDS: Final = 30.0


_T = TypeVar("_T")
_LOADED: Final = TypeAdapter(LoadAnswer)


class _AnswerTo(BaseModel):
    id: str
    is_last: bool
    """The process is to be replaced by a new one."""
    answer: Any


class WorkflowHost:
    """Advances tasks of every known type.

    The modules of users are loaded when it is opened. Their process is killed if one advance takes
    too long, and started again for the next one.
    """

    def __init__(
        self,
        ours: Mapping[str, Workflow],
        *,
        modules: Sequence[str] = (),
        folders: Sequence[Path] = (),
        cpu_seconds: float = CPU_SECONDS,
        wall_seconds: float = WALL_SECONDS,
    ) -> None:
        self._ours = ours
        self._modules = tuple(dict.fromkeys(modules))
        self._cpu_seconds = cpu_seconds
        self._wall_seconds = wall_seconds
        root = Path(agents.__file__).resolve().parent.parent
        self._process = JsonProcess(child.__file__, [str(root), *map(str, folders)])
        self._free = asyncio.Lock()
        self._loaded: dict[str, LoadAnswer] = {}
        self._users: dict[str, WorkflowDescription] = {}

    async def __aenter__(self) -> Self:
        """Load the modules. Raises WorkflowInvalid if two workflows have the same type."""
        for module in self._modules:
            self._loaded[module] = await self._load(module)
        for answer in self._loaded.values():
            for each in answer.workflows:
                ours = self._ours.get(each.type)
                other = self._users.setdefault(each.type, each)
                if ours is not None or other is not each:
                    await self._process.stop()
                    raise build_clash(each.type, (ours or other).module, each.module)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._process.stop()

    @property
    def problems(self) -> Mapping[str, str]:
        """The reasons for which modules cannot be used, by module, with file and line."""
        return {name: each.problem for name, each in self._loaded.items() if each.problem}

    @property
    def user_types(self) -> tuple[str, ...]:
        """The types of the users' workflows."""
        return tuple(sorted(self._users))

    def describe(self) -> list[WorkflowDescription]:
        """Return all workflows, by their types."""
        ours = [WorkflowDescription.describe(each, is_ours=True) for each in self._ours.values()]
        return sorted([*ours, *self._users.values()], key=lambda each: each.type)

    def log_loaded(self) -> None:
        """Log which workflows of users were loaded, and which modules could not be."""
        for each in self._users.values():
            logger.info("workflow loaded", type=each.type, module=each.module, file=each.file)
        for module, problem in self.problems.items():
            logger.error("workflows cannot be loaded", module=module, problem=problem)

    def list_notes(self, task: TaskBrief) -> list[str]:
        """Return notes about the params of a task of ours; users' workflows have `run.notes`."""
        workflow = self._ours.get(task.type)
        return [] if workflow is None else workflow.list_notes(task.params)

    async def advance(self, task: TaskBrief, record: FlowRecord) -> Advance:
        """Advance a task. Raises InvalidTask if its type is unknown."""
        workflow = self._ours.get(task.type)
        if workflow is not None:
            return advance(workflow, task, record)
        if task.type not in self._users:
            raise InvalidTask.not_allowed("type", task.type, [*self._ours, *self._users])
        async with self._free:
            try:
                return await self._ask(task, record)
            except NoAnswer as error:
                if error.is_late:
                    return self._build_stuck(task.type)
            try:  # once more, since somebody else may have ended the process
                return await self._ask(task, record)
            except NoAnswer as error:
                return self._build_stuck(task.type, str(error))

    async def _ask(self, task: TaskBrief, record: FlowRecord) -> Advance:
        if not self._process.is_running:
            for module, answer in self._loaded.items():
                if answer.problem is None:
                    await self._load(module)
        request = {
            "advance": task.type,
            "task": task,
            "record": record,
            "seconds": self._cpu_seconds,
        }
        return await self._exchange(request, ADVANCE, seconds=self._wall_seconds)

    async def _load(self, module: str) -> LoadAnswer:
        """Load a module; if that ends or blocks the process, the ones before are loaded again."""
        try:
            return await self._exchange({"load": module}, _LOADED, seconds=LOAD_SECONDS)
        except NoAnswer as error:
            for other, loaded in self._loaded.items():
                if other != module and loaded.problem is None:
                    await self._exchange({"load": other}, _LOADED, seconds=LOAD_SECONDS)
            return LoadAnswer(problem=f"module {module!r} cannot be imported: {error}")

    async def _exchange(
        self, request: Mapping[str, Any], kind: TypeAdapter[_T], *, seconds: float
    ) -> _T:
        """Return the answer to this very request. Raises NoAnswer.

        A module may write into the pipe, or leave processes that answer, too. What is no answer to
        the request ends the process, so that no task gets that of another one.
        """
        number = token_hex(8)
        given = await self._process.ask({**request, "id": number}, seconds=seconds)
        try:
            answer = _AnswerTo.model_validate(given)
            if answer.id == number:
                if answer.is_last:
                    await self._process.stop()
                return kind.validate_python(answer.answer)
        except ValueError:
            pass
        await self._process.stop()
        raise NoAnswer("its process wrote something else than its answer", is_late=False)

    def _build_stuck(self, type_: str, how: str | None = None) -> FlowFailed:
        limit = f"{self._cpu_seconds:g} s of CPU time, {self._wall_seconds:g} s in all"
        return FlowFailed(
            error_class="workflow_stuck",
            message=f"one advance of {type_} ({self._users[type_].file}) "
            f"exceeds its limits ({limit}, {child.MEMORY_BYTES >> 30} GB)"
            + (f": {how}" if how else ""),
        )
