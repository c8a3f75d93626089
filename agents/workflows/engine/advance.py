"""`advance`: one step of a workflow, as a pure function of its task and its record."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from agents.errors import InvalidTask
from agents.workflows.engine.definition import Workflow
from agents.workflows.engine.errors import StepFailed, locate_error
from agents.workflows.engine.fiber import build_step_request, list_prefetched
from agents.workflows.engine.outcomes import (
    Advance,
    Finished,
    FlowFailed,
    HandedOver,
    NeedsDecisions,
    NeedsOutput,
    Repeats,
    Suspended,
)
from agents.workflows.engine.replay import Replay
from agents.workflows.engine.run import Run
from agents.workflows.engine.task_data import check_response_schema, end_as_asked
from agents.workflows.engine.values import Again, LastStep, Result
from agents.workflows.engine.work import Branch, Step, describe_wakes
from protocol.errors import OutOfRange
from protocol.json_values import make_storable
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord

MAX_MESSAGE_CHARACTERS = 2_000


def advance(workflow: Workflow, task: TaskBrief, record: FlowRecord) -> Advance:
    """Replay a workflow over its record and return what it asks for, or how it ends.

    It does no I/O and depends on nothing but its arguments: the same record gives the same answer.
    """
    try:
        if not record.steps:
            check_response_schema(task.params)
        workflow.check(task)
    except InvalidTask as error:
        return _build_invalid(error)
    replay = Replay(task, record, home=workflow.file)
    run = Run(replay, workflow.list_notes(task.params))
    replay.play(end_as_asked(run, workflow))
    match _conclude(replay):
        case Suspended() | Finished() | HandedOver() | Repeats() as ended:
            return ended.model_copy(update={"judgements": replay.judgements.list()})
        case ended:
            return ended


def _conclude(replay: Replay) -> Advance:
    if replay.failure is not None:
        return replay.failure.model_copy(update={"drift": replay.drift})
    if replay.needed_outputs:
        return NeedsOutput(
            keys=list_prefetched(replay.records.values(), replay.needed_outputs, replay.clock)
        )
    if replay.needed_decisions:
        return NeedsDecisions(requests=replay.needed_decisions)
    if replay.main is None or not replay.main.is_over:
        return _suspend(replay)
    if replay.error is not None:
        return _explain_error(replay, replay.error)
    return _end(replay, replay.value)


def _suspend(replay: Replay) -> Advance:
    wakes = {
        tuple(step.key for step in wake): None
        for each in replay.list_waiting()
        for wake in describe_wakes(each)
    }
    if not wakes:
        return _fail(replay, "the workflow waits for itself, so nothing can wake it")
    is_single = len(wakes) == 1
    try:
        steps = [build_step_request(each) for each in replay.pending.values() if not each.record]
    except OutOfRange as error:
        return _fail(replay, str(error))
    awaits = [key for wake in wakes for key in (wake if is_single else wake[:1])]
    return Suspended(
        steps=steps,
        awaits=list(dict.fromkeys(awaits)),
        wait="all" if is_single else "any",
        cancel=replay.cancelled,
        drift=replay.drift,
    )


def _end(replay: Replay, value: object) -> Advance:
    handed_over = value.step if isinstance(value, LastStep) else None
    for work in replay.list_undone():
        if work is not handed_over:
            kind = "branch" if isinstance(work, Branch) else "step"
            return _fail(replay, f"{kind} {work.key!r} was described and never awaited")
    try:
        return _build_end(replay, value)
    except (OutOfRange, TypeError, ValueError) as error:  # no text, or no JSON
        return _fail(replay, f"the workflow returned what cannot be stored: {error}")


def _build_end(replay: Replay, value: object) -> Advance:
    match value:
        case Result():
            text, output = _read_result(value)
            return Finished(text=text, output=output, drift=replay.drift)
        case LastStep(step) if step.key in replay.records:
            return _fail(replay, f"step {step.key!r} was begun before, so the task cannot end so")
        case LastStep(Step() as step):
            return HandedOver(step=build_step_request(step), drift=replay.drift)
        case Again(at=at, params=params, result=result):
            text, output = _read_result(result) if result else ("", {})
            given = None if params is None else _make_json(params, "params")
            return Repeats(at=at, params=given, text=text, output=output, drift=replay.drift)
        case _:
            return _fail(
                replay,
                f"the workflow returned {type(value).__name__}; return Result(text), "
                "run.hand_over(step) or run.again()",
            )


def _read_result(result: Result) -> tuple[str, dict[str, JsonValue]]:
    text: object = result.text
    if not isinstance(text, str):
        raise TypeError(f"the text of a Result is {type(text).__name__}")
    return str(make_storable(text)), _make_json(result.output or {}, "output")


def _make_json(values: Mapping[str, Any], name: str) -> dict[str, JsonValue]:
    made = make_storable(to_jsonable_python(dict(values)), name=name)
    return made if isinstance(made, dict) else {}


def _explain_error(replay: Replay, error: BaseException) -> FlowFailed:
    match error:
        case StepFailed():
            return FlowFailed(
                error_class=error.error_class,
                message=error.message,
                step=error.key,
                drift=replay.drift,
            )
        case InvalidTask():
            return _build_invalid(error)
        case _:
            where = locate_error(error, replay.home)
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _fail(replay, f"{where}: {text}" if where else text)


def _fail(replay: Replay, message: str) -> FlowFailed:
    return FlowFailed(
        error_class="workflow_error",
        message=message[:MAX_MESSAGE_CHARACTERS],
        drift=replay.drift,
    )


def _build_invalid(error: InvalidTask) -> FlowFailed:
    return FlowFailed(
        error_class="invalid_task",
        message=error.message,
        field=error.field,
        allowed=error.allowed or None,
    )
