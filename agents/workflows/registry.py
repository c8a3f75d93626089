"""The types of tasks and the workflow of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from pydantic import JsonValue, ValidationError

from agents.errors import InvalidTask
from agents.workflows import prompts
from agents.workflows.params import (
    MAX_CHARACTERS,
    AnalysisParams,
    ChatParams,
    CodeParams,
    Params,
    describe_unused,
)
from agents.workflows.plan import NOTES
from agents.workflows.plan import PlanStep as Step
from protocol.records import TaskBrief

_P = TypeVar("_P", bound=Params)

PRIORITIES = range(10)


@dataclass(frozen=True, slots=True)
class PlanType(Generic[_P]):
    """How tasks of one type become a step."""

    params: type[_P]
    """What a person may write into the task's params."""
    step: Callable[[TaskBrief, _P], Step]

    def plan(self, task: TaskBrief) -> Step:
        """Return the step of a task, with a note for every param that is not used.

        Raises InvalidTask when the params are wrong.
        """
        given: JsonValue = {} if task.params is None else task.params
        step = self.step(task, _read(self.params, given))
        notes = describe_unused(given, self.params) if isinstance(given, dict) else []
        return replace(step, params=step.params | {NOTES: notes}) if notes else step


def build_step(task: TaskBrief) -> Step:
    """Return the step of a task; raises InvalidTask if its type, prompt or params are wrong."""
    workflow = WORKFLOWS.get(task.type)
    if workflow is None:
        raise InvalidTask.not_allowed("type", task.type, WORKFLOWS)
    if not task.prompt.strip():
        raise InvalidTask(
            "prompt", "prompt is empty; say what you want done, for example: write is_prime(n)."
        )
    if len(task.prompt) > MAX_CHARACTERS:
        raise InvalidTask(
            "prompt",
            f"prompt has {len(task.prompt)} characters; no model takes more than {MAX_CHARACTERS}.",
        )
    if task.priority not in PRIORITIES:
        raise InvalidTask(
            "priority",
            f"priority is {task.priority}; it must be from 0 (first) to 9 (last).",
            allowed=map(str, PRIORITIES),
        )
    return workflow.plan(task)


def _generate(task: TaskBrief, params: CodeParams) -> Step:
    return _code_step(task, params, system=prompts.EXPERT, prompt=task.prompt)


def _optimize(task: TaskBrief, params: CodeParams) -> Step:
    prompt = f"{prompts.ANALYSES['optimize']}\n\n{task.prompt}"
    return _code_step(task, params, system=prompts.EXPERT, prompt=prompt)


def _analyze(task: TaskBrief, params: AnalysisParams) -> Step:
    prompt = prompts.build_analysis(params.analysis_type, task.prompt, params.code)
    return _code_step(task, params, system=prompts.ANALYST, prompt=prompt)


def _talk(system: str) -> PlanType[ChatParams]:
    def step(task: TaskBrief, params: ChatParams) -> Step:
        given = {"system": system} | params.for_request()
        return Step(type=task.type, params=given | {"generation_prompt": task.prompt})

    return PlanType(ChatParams, step)


def _code_step(task: TaskBrief, params: CodeParams, *, system: str, prompt: str) -> Step:
    # The documented fields of MCP_SUBTASK are always there; `code` is part of the prompt.
    given = dict.fromkeys(("git_branch", "target_file", "language", "framework", "code_context"))
    given |= params.for_request()
    for written_into_prompt in ("analysis_type", "code"):
        given.pop(written_into_prompt, None)
    return Step(type=task.type, params=given | {"system": system, "generation_prompt": prompt})


def _read(model: type[_P], params: JsonValue) -> _P:
    if not isinstance(params, dict):
        raise InvalidTask("params", 'params must be a JSON object, such as {"language": "python"}.')
    try:
        return model.model_validate(params)
    except ValidationError as error:
        raise InvalidTask.from_validation("params", error) from error


WORKFLOWS: Final[Mapping[str, PlanType[Any]]] = {
    "ANALYZE_CODE": PlanType(AnalysisParams, _analyze),
    "CHAT": _talk(prompts.ASSISTANT),
    "COORDINATE": _talk(prompts.COORDINATOR),
    "DEBATE": _talk(prompts.DEBATER),
    "GENERATE_CODE": PlanType(CodeParams, _generate),
    "OPTIMIZE_CODE": PlanType(CodeParams, _optimize),
    "STRATEGY": _talk(prompts.STRATEGIST),
}
