"""Ends of a flow's attempt: results, next runs, and failures. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from agents.errors import InvalidTask
from agents.runtime.failed_attempts import compute_snooze
from agents.workflows.engine import Finished, FlowFailed, Repeats
from agents.workflows.params.step_params import NOTES
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    NextRun,
    SessionMessage,
)
from protocol.records.flows import FlowRecord
from protocol.transcript import CHECKS, MODELS, WORKFLOW

UNKNOWN_WORKFLOW: Final = "unknown_workflow"
SHORTEST_ROUND: Final = timedelta(seconds=10)
"""From the beginning of a task to that of its next run."""

_SHOWN_CHECKS: Final = 20


def build_finish(claimed: ClaimedSubtask, ended: Finished, notes: Sequence[str]) -> Completion:
    """Return the completion with the task's result, which also ends the conversation's turn."""
    messages = []
    if claimed.task.session_id is not None:
        messages = [
            SessionMessage(role="user", content=claimed.task.prompt),
            SessionMessage(role="assistant", content=ended.text),
        ]
    output = _build_result(claimed, ended.text, ended.output, notes)
    return Completion(
        ref=claimed.ref, output=output, messages=messages, judgements=ended.judgements
    )


def build_next_run(claimed: ClaimedSubtask, ended: Repeats, notes: Sequence[str]) -> Completion:
    """Return the completion that ends this task and begins the next one.

    A workflow that repeats itself at once, for ever, begins once in `SHORTEST_ROUND`.
    """
    output = _build_result(claimed, ended.text, ended.output, notes)
    at = ended.at
    if claimed.flow is not None:
        earliest = claimed.flow.first_claimed_at + SHORTEST_ROUND
        at = earliest if at is None else max(at, earliest)
    again = NextRun(at=at, params=ended.params, output=output)
    return Completion(ref=claimed.ref, again=again, judgements=ended.judgements)


def build_flow_failure(claimed: ClaimedSubtask, failed: FlowFailed) -> Failure:
    """Return the failure of the workflow, which fails the task."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=failed.error_class,
            message=failed.message,
            field=failed.field,
            allowed=failed.allowed,
            step=failed.step,
        ),
        action=FailureAction.GIVE_UP,
    )


def build_unknown_workflow(claimed: ClaimedSubtask, error: InvalidTask) -> Failure:
    """Return a snooze: another orchestrator, or a later version, knows the workflow."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=UNKNOWN_WORKFLOW,
            message=f"this orchestrator has no workflow for the task, which has begun: "
            f"{error.message}",
            field=error.field,
            hint="Deploy the modules of `[workflows]` in cogo.toml to every orchestrator.",
        ),
        action=FailureAction.SNOOZE,
        retry_after=compute_snooze(claimed, UNKNOWN_WORKFLOW),
    )


def _build_result(
    claimed: ClaimedSubtask, text: str, output: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    stated = output.get(NOTES)
    own = [str(each) for each in stated] if isinstance(stated, list) else []
    return {
        **_describe_steps(claimed.flow, output),
        **output,
        "text": text,
        WORKFLOW: claimed.task.type,
        NOTES: list(dict.fromkeys([*notes, *own])),
    }


def _describe_steps(record: FlowRecord | None, output: Mapping[str, Any]) -> dict[str, Any]:
    """Return which models worked for a result that does not say it, and what checks have shown."""
    ended = [each for each in record.steps if each.end_no is not None] if record else []
    ended.sort(key=lambda each: each.end_no or 0)
    models = [each.model_id for each in ended if each.model_id and each.status == "completed"]
    checks = [
        {"key": each.key, "text": str((each.output or {}).get("text") or each.status)}
        for each in ended
        if each.kind == "check"
    ]
    described: dict[str, Any] = {}
    if models and "model_used" not in output:
        described[MODELS] = list(dict.fromkeys(models))
    if checks and "verification" not in output:
        described[CHECKS] = checks[-_SHOWN_CHECKS:]
    return described
