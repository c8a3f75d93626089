"""The tools that an executor offers, each call of one in a process that can be killed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from loguru import logger
from pydantic import JsonValue

import agents
from agents.runtime.json_process import JsonProcess, NoAnswer
from agents.tools import child
from agents.tools.loading import ToolDescription
from agents.tools.worker import TOOL_FAILED, UNKNOWN_TOOL, ToolsLoaded
from protocol.lanes import TOOLS
from providers.secrets import Redactor

LOAD_SECONDS: Final = 60.0
OUTCOME_UNKNOWN: Final = "outcome_unknown"
TOOL_TIMEOUT: Final = "tool_timeout"


class ToolFailed(Exception):
    """A tool has not returned a result.

    `error_class` is `tool_failed`, `tool_timeout`, `invalid_arguments`, `unknown_tool`, or
    `outcome_unknown` if it has begun, was ended, and must not run twice.
    """

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.message = message


class ToolHost:
    """Runs tools. Its modules are loaded when it is opened, each in a process of its own.

    A process runs one call at a time and is kept for the next one; a call that is cancelled or
    takes too long is ended with its process, and with all processes that it has started. Tools are
    code that the user trusts: they run with `environment`, outside of any sandbox.
    """

    def __init__(
        self,
        *,
        modules: Sequence[str] = (),
        folders: Sequence[Path] = (),
        capacity: int = 4,
        environment: Mapping[str, str] | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._modules = tuple(dict.fromkeys(modules))
        self.capacity = capacity
        self._redactor = redactor or Redactor()
        self._environment = environment
        root = Path(agents.__file__).resolve().parent.parent
        self._arguments = [str(root), *map(str, folders)]
        self._tools: dict[tuple[str, str], ToolDescription] = {}
        self._homes: dict[tuple[str, str], str] = {}
        """The module that is loaded for each tool."""
        self.problems: dict[str, str] = {}
        """The reasons for which modules cannot be used, by module, with file and line."""
        self._idle: list[tuple[str, JsonProcess]] = []
        """Processes that run nothing, with what they have loaded; the latest last."""

    async def __aenter__(self) -> Self:
        """Load the modules."""
        async with asyncio.TaskGroup() as group:
            started = {each: group.create_task(self._start(each)) for each in self._modules}
        for module, task in started.items():
            process, loaded = task.result()
            if loaded.problem is not None:
                self.problems[module] = loaded.problem
                await process.stop()
                continue
            self._idle.append((module, process))
            for each in loaded.tools:
                self._tools[each.module, each.name] = each
                self._homes.setdefault((each.module, each.name), module)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, process in self._idle:
            await process.stop()
        self._idle.clear()

    @property
    def tools(self) -> Sequence[ToolDescription]:
        """All tools, by module and name."""
        return [self._tools[key] for key in sorted(self._tools)]

    @property
    def lanes(self) -> Sequence[str]:
        """The lanes of their modules."""
        return sorted({TOOLS + each.module for each in self._tools.values()})

    def log_loaded(self) -> None:
        """Log which tools were loaded, and which modules could not be."""
        for each in self.tools:
            logger.info("tool loaded", tool=each.signature, module=each.module)
        for module, problem in self.problems.items():
            logger.error("tools cannot be loaded", module=module, problem=problem)

    def find_tool(self, module: str, name: str) -> ToolDescription:
        """Return the description of a tool. Raises ToolFailed."""
        if (module, name) not in self._tools:
            raise ToolFailed(UNKNOWN_TOOL, f"this executor has no tool {name} of {module}")
        return self._tools[module, name]

    async def run_tool(
        self,
        module: str,
        name: str,
        arguments: Mapping[str, Any],
        *,
        begin: Callable[[], None] | None = None,
    ) -> JsonValue:
        """Run a tool and return its result, without secrets. Raises ToolFailed.

        `begin` is called when everything is ready, just before the function runs; if it raises,
        the function does not run.
        """
        tool = self.find_tool(module, name)
        process = await self._take(self._homes[module, name])
        try:
            if begin is not None:
                begin()
            request = {"call": name, "module": module, "arguments": dict(arguments)}
            answer = await process.ask(request, seconds=tool.seconds)
        except NoAnswer as error:
            raise self._build_end(tool, error) from None
        finally:
            await self._give_back(self._homes[module, name], process)
        if "error" in answer:
            failed = answer["error"]
            raise ToolFailed(failed["class"], self._redactor.redact(failed["message"]))
        value: JsonValue = self._redactor.redact_json(answer["value"])
        return value

    async def _take(self, module: str) -> JsonProcess:
        """Return a process that has loaded the module: an idle one, or a new one."""
        for number in range(len(self._idle) - 1, -1, -1):
            if self._idle[number][0] == module:
                process = self._idle.pop(number)[1]
                if process.is_running:
                    return process
                await process.stop()
        process, loaded = await self._start(module)
        if loaded.problem is not None:
            await process.stop()
            raise ToolFailed(UNKNOWN_TOOL, f"{module} cannot be loaded any more: {loaded.problem}")
        return process

    async def _give_back(self, module: str, process: JsonProcess) -> None:
        if not process.is_running:
            return
        self._idle.append((module, process))
        while len(self._idle) > max(self.capacity, 1):
            _, oldest = self._idle.pop(0)
            await oldest.stop()

    async def _start(self, module: str) -> tuple[JsonProcess, ToolsLoaded]:
        process = JsonProcess(child.__file__, self._arguments, environment=self._environment)
        try:
            answer = await process.ask({"load": module}, seconds=LOAD_SECONDS)
        except NoAnswer as error:
            return process, ToolsLoaded(problem=f"module {module!r} cannot be imported: {error}")
        return process, ToolsLoaded.model_validate(answer)

    def _build_end(self, tool: ToolDescription, error: NoAnswer) -> ToolFailed:
        """Return the error of a call whose process was ended, or has ended, in the middle of it."""
        how = (
            f"{tool.name} has not returned within {tool.seconds:g} s and was ended"
            if error.is_late
            else f"{tool.name} has ended its process: {error}"
        )
        if not tool.is_idempotent:
            return ToolFailed(OUTCOME_UNKNOWN, f"{how}; whether it took effect is unknown")
        return ToolFailed(TOOL_TIMEOUT if error.is_late else TOOL_FAILED, how)
