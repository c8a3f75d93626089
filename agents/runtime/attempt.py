"""One attempt at a subtask: runs the work while the lease is held, and stops it otherwise."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from loguru import logger

from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    UnreadableSubtask,
    Usage,
)

Work = Callable[[ClaimedSubtask], Awaitable[Completion]]


class StopReason(StrEnum):
    """Why an attempt must stop; the values are the database's answers to an extension."""

    CANCELLED = "cancel"
    """The task was cancelled; the holder should stop and report its usage."""
    LOST = "lost"
    """A later attempt may hold the subtask, so the output of this one would be rejected."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The work succeeded; the completion is not stored yet."""

    completion: Completion


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed; the failure says who may try again."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt had to stop."""

    reason: StopReason
    usage: Usage | None = None
    """The usage until then, as far as it is known."""


Outcome = Succeeded | Failed | Stopped


class WorkFailed(Exception):
    """The work failed, and `failure` says who may try again."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error.message)
        self.failure = failure


class WorkWaits(Exception):
    """The attempt ends without a failure, and `completion` says what its subtask waits for."""

    def __init__(self, completion: Completion) -> None:
        super().__init__("the subtask waits")
        self.completion = completion


class WorkInterrupted(Exception):
    """The work was cancelled and its usage is known. Raised in place of CancelledError."""

    def __init__(self, usage: Usage) -> None:
        super().__init__("the work was cancelled")
        self.usage = usage


async def run_attempt(
    claimed: ClaimedSubtask, work: Work, stop: asyncio.Future[StopReason]
) -> Outcome:
    """Run `work` until it ends or `stop` is set. Errors of the work become outcomes.

    Cancellation from outside (the agent stops) propagates, even if the work suppresses it.
    """
    # The child never raises: before Python 3.13 a group with errors loses its cancellation.
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_do(claimed, work, stop), name=f"work {claimed.subtask_id}")
        stop.add_done_callback(lambda _: task.cancel())
    if task.cancelled():
        return Stopped(stop.result())
    outcome = task.result()
    # A failure after the stop was caused by it. A success is checked by the fence.
    if isinstance(outcome, Failed) and stop.done():
        return Stopped(stop.result(), outcome.failure.usage)
    return outcome


def build_internal_failure(claimed: ClaimedSubtask) -> Failure:
    """Return the failure for an unexpected error, which may not happen again."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="internal",
            message="COGO itself failed in this attempt; see the agent's log.",
            hint="If it happens again, please report it with the log.",
        ),
        action=FailureAction.RETRY,
    )


def build_unreadable_failure(claim: UnreadableSubtask) -> Failure:
    """Return the failure for a subtask that no agent can read."""
    return Failure(
        ref=claim.ref,
        error=ErrorInfo(
            class_="invalid_task",
            message=f"{claim.field} cannot be read: {claim.problem}.",
            field=claim.field,
        ),
        action=FailureAction.GIVE_UP,
    )


def build_cancelled_failure(claimed: ClaimedSubtask, usage: Usage | None) -> Failure:
    """Return the failure with which the holder of a cancelled task reports its usage."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_="cancelled", message="The task was cancelled."),
        action=FailureAction.GIVE_UP,
        usage=usage,
    )


def build_refused_failure(completion: Completion, detail: str | None) -> Failure:
    """Return the failure for a rejected completion, which would be rejected again."""
    asks = completion.suspend or completion.hand_over or completion.again
    return Failure(
        ref=completion.ref,
        error=ErrorInfo(
            class_="workflow_error" if asks else "not_stored",
            message="The database refused "
            f"{'what the workflow asks for' if asks else 'the result'}: {detail}",
        ),
        action=FailureAction.GIVE_UP,
        usage=completion.usage,
    )


async def _do(claimed: ClaimedSubtask, work: Work, stop: asyncio.Future[StopReason]) -> Outcome:
    me = asyncio.current_task()
    try:
        return Succeeded(await work(claimed))
    except WorkFailed as failed:
        return Failed(failed.failure)
    except WorkWaits as waits:
        return Succeeded(waits.completion)
    except WorkInterrupted as interrupted:
        if stop.done():
            return Stopped(stop.result(), interrupted.usage)
        if me is None or me.cancelling():
            raise asyncio.CancelledError from interrupted
        error: BaseException = interrupted
    except asyncio.CancelledError as cancelled:
        if me is None or me.cancelling():
            raise
        error = cancelled
    except Exception as unexpected:  # the one place where unexpected errors become outcomes
        error = unexpected
    logger.opt(exception=error).error("an attempt failed unexpectedly")
    return Failed(build_internal_failure(claimed))
