"""One attempt: do the work while the lease is kept, stop when it is not."""

import asyncio
from collections.abc import Awaitable, Callable

from loguru import logger

from agents.runtime.outcome import Failed, Outcome, Stopped, StopReason, Succeeded
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    Usage,
)

Work = Callable[[ClaimedSubtask], Awaitable[Completion]]


class WorkFailed(Exception):
    """The work could not be done, and the failure already says who may try again."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error.message)
        self.failure = failure


class WorkInterrupted(Exception):
    """The work was cancelled, and what it had used is known. Raised instead of CancelledError."""

    def __init__(self, usage: Usage) -> None:
        super().__init__("the work was cancelled")
        self.usage = usage


async def run_attempt(
    claimed: ClaimedSubtask, work: Work, verdict: asyncio.Future[StopReason]
) -> Outcome:
    """Do `work` until it ends or `verdict` arrives, whichever is first; never raises for the work.

    Cancellation from outside (the agent stops) passes through, whatever the work makes of it.
    """
    # The child never raises: before Python 3.13 a group with errors forgets that it was cancelled.
    async with asyncio.TaskGroup() as group:
        doing = group.create_task(_do(claimed, work, verdict), name=f"work {claimed.subtask_id}")
        verdict.add_done_callback(lambda _: doing.cancel())
    if doing.cancelled():
        return Stopped(verdict.result())
    outcome = doing.result()
    # What failed after the verdict failed because of it. What succeeded is for the fence to judge.
    if isinstance(outcome, Failed) and verdict.done():
        return Stopped(verdict.result(), outcome.failure.usage)
    return outcome


def build_internal_failure(claimed: ClaimedSubtask, error: BaseException) -> Failure:
    """Describe an error without a class of its own; another try may mend it."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_="internal",
            message="COGO itself failed at this attempt; the agent's log says how.",
            hint="If it happens again, please report it with the log.",
        ),
        action=FailureAction.RETRY,
    )


async def _do(
    claimed: ClaimedSubtask, work: Work, verdict: asyncio.Future[StopReason]
) -> Succeeded | Failed | Stopped:
    me = asyncio.current_task()
    try:
        return Succeeded(await work(claimed))
    except WorkFailed as failed:
        return Failed(failed.failure)
    except WorkInterrupted as cut:
        if verdict.done():
            return Stopped(verdict.result(), cut.usage)
        if me is None or me.cancelling():
            raise asyncio.CancelledError from cut
        return Failed(_cut_from_within(claimed, cut))
    except asyncio.CancelledError as error:
        if me is None or me.cancelling():
            raise
        return Failed(_cut_from_within(claimed, error))
    except Exception as error:  # the one place where what nobody foresaw becomes an outcome
        logger.opt(exception=error).error("an attempt failed in a way nobody foresaw")
        return Failed(build_internal_failure(claimed, error))


def _cut_from_within(claimed: ClaimedSubtask, error: BaseException) -> Failure:
    """Nobody asked for it: something that the work waited for was cancelled under it."""
    logger.opt(exception=error).error("an attempt was cancelled from within")
    return build_internal_failure(claimed, error)
