"""Subtasks that COGO 0.1.0 planned and that are still in the queue after an update.

Its plans of an ensemble and of a cascade are workflows now. Remove this file in the release after
the next one, with all that docs/adr/0013-what-remains-of-plans.md lists.
"""

from typing import Any, Final

from agents.runtime.failed_attempts import list_failed_attempts, read_error_class
from agents.selection.request import CHECK_FAILED
from protocol.json_values import repair_surrogates
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction, Usage

SYNTHESIZE: Final = "synthesize"
"""In params: combine the answers of its dependencies into one."""
ESCALATE_TO: Final = "escalate_to"
"""In metadata: another model follows if its answer fails a check."""


def list_team_answers(claimed: ClaimedSubtask) -> list[str]:
    """Return the answers to combine, in the order of their keys; none unless that is its work."""
    if claimed.params.get(SYNTHESIZE) is not True:
        return []
    outputs: list[Any] = [output for _, output in sorted(claimed.inputs.items())]
    texts = [output.get("text") for output in outputs if isinstance(output, dict)]
    return [text for text in texts if isinstance(text, str) and text]


def build_escalation(claimed: ClaimedSubtask, problem: str, usage: Usage) -> Failure | None:
    """Return the failure by which another model follows, once; None to keep the answer."""
    failed = [read_error_class(each) for each in list_failed_attempts(claimed)]
    if not claimed.metadata.get(ESCALATE_TO) or CHECK_FAILED in failed:
        return None
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=CHECK_FAILED,
            message=repair_surrogates(f"the answer of {claimed.lane} was rejected: {problem}"),
            hint="The cascade continues with the next more expensive model.",
        ),
        action=FailureAction.REROUTE,
        usage=usage,
    )
