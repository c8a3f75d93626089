"""The types of tasks and the workflow of each."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from agents.workflows import prompts
from agents.workflows.invalid import InvalidTask
from agents.workflows.params import MAX_CHARACTERS, AnalysisParams, ChatParams, CodeParams
from agents.workflows.plan import Step
from protocol.records import TaskBrief

_M = TypeVar("_M", bound=BaseModel)

PRIORITIES = range(10)


def plan_of(task: TaskBrief) -> Step:
    """Give the work of a task; raises InvalidTask when its type, prompt or params are wrong."""
    workflow = WORKFLOWS.get(task.type)
    if workflow is None:
        raise InvalidTask.not_one_of("type", task.type, WORKFLOWS)
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
    return workflow(task)


def _generate(task: TaskBrief) -> Step:
    params = _read(CodeParams, task.params)
    return _code_step(task, params, system=prompts.EXPERT, prompt=task.prompt)


def _optimize(task: TaskBrief) -> Step:
    params = _read(CodeParams, task.params)
    return _code_step(
        task,
        params,
        system=prompts.EXPERT,
        prompt=f"{prompts.ANALYSES['optimize']}\n\n{task.prompt}",
    )


def _analyze(task: TaskBrief) -> Step:
    params = _read(AnalysisParams, task.params)
    prompt = prompts.analysis(params.analysis_type, task.prompt, params.code)
    return _code_step(task, params, system=prompts.ANALYST, prompt=prompt)


def _chat(task: TaskBrief) -> Step:
    return _talk(task, prompts.ASSISTANT)


def _strategy(task: TaskBrief) -> Step:
    return _talk(task, prompts.STRATEGIST)


def _debate(task: TaskBrief) -> Step:
    return _talk(task, prompts.DEBATER)


def _coordinate(task: TaskBrief) -> Step:
    return _talk(task, prompts.COORDINATOR)


def _talk(task: TaskBrief, system: str) -> Step:
    params = _read(ChatParams, task.params)
    given = params.model_dump(mode="json", exclude={"task_requirements"}, exclude_none=True)
    return Step(
        type=task.type, params={"system": system, **given, "generation_prompt": task.prompt}
    )


def _code_step(task: TaskBrief, params: CodeParams, *, system: str, prompt: str) -> Step:
    return Step(
        type=task.type,
        params={
            "git_branch": params.git_branch,
            "target_file": params.target_file,
            "language": params.language,
            "framework": params.framework,
            "code_context": params.code_context,
            "system": system,
            "generation_prompt": prompt,
        },
    )


def _read(model: type[_M], params: JsonValue) -> _M:
    if not isinstance(params, dict | None):
        raise InvalidTask("params", 'params must be a JSON object, such as {"language": "python"}.')
    try:
        return model.model_validate(params or {})
    except ValidationError as error:
        raise InvalidTask.of("params", error) from error


WORKFLOWS: Final[Mapping[str, Callable[[TaskBrief], Step]]] = {
    "ANALYZE_CODE": _analyze,
    "CHAT": _chat,
    "COORDINATE": _coordinate,
    "DEBATE": _debate,
    "GENERATE_CODE": _generate,
    "OPTIMIZE_CODE": _optimize,
    "STRATEGY": _strategy,
}
