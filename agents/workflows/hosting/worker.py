"""The requests that the process of users' modules answers."""

import json
import resource
import signal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from agents.workflows.engine import Workflow, advance
from agents.workflows.hosting.loading import ModuleRefused, load_module
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord


class WorkflowDescription(BaseModel):
    """A workflow, for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    doc: str
    module: str
    file: str
    is_ours: bool = False

    @classmethod
    def describe(cls, workflow: Workflow, *, is_ours: bool = False) -> "WorkflowDescription":
        """Return the description of a workflow."""
        return cls(
            type=workflow.type,
            doc=workflow.doc,
            module=workflow.module,
            file=workflow.file,
            is_ours=is_ours,
        )


class LoadAnswer(BaseModel):
    """The workflows of a module, or why it cannot be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workflows: list[WorkflowDescription] = []
    problem: str | None = None


class Worker:
    """Loads modules and advances their workflows."""

    def __init__(self, *, max_bytes: int) -> None:
        """Create a worker that ends with the answer after which it needs more than `max_bytes`."""
        self._max_bytes = max_bytes
        self._workflows: dict[str, Workflow] = {}

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a line of JSON, as JSON without a line break."""
        request = json.loads(line)
        is_load = "load" in request
        answer = to_json(self._load(request["load"])) if is_load else self._advance(request)
        # A module that keeps what it has used must not leave too little for the tasks after it.
        is_last = to_json(measure_space() > self._max_bytes)
        return b'{"id":%s,"is_last":%s,"answer":%s}' % (to_json(request["id"]), is_last, answer)

    def _load(self, module: str) -> LoadAnswer:
        try:
            workflows = load_module(module)
        except ModuleRefused as error:
            return LoadAnswer(problem=str(error))
        self._workflows.update({each.type: each for each in workflows})
        return LoadAnswer(workflows=[WorkflowDescription.describe(each) for each in workflows])

    def _advance(self, request: dict[str, Any]) -> bytes:
        workflow = self._workflows[request["advance"]]
        task = TaskBrief.model_validate(request["task"])
        record = FlowRecord.model_validate(request["record"])
        # CPU time, so that a busy machine is no reason; more of it ends the process.
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        return advance(workflow, task, record).model_dump_json().encode()


def measure_space() -> int:
    """Return the bytes of this process's address space; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
