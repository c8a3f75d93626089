"""One attempt: precedence of result, stop reason and cancellation."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.runtime.attempt import (
    Failed,
    Outcome,
    Stopped,
    StopReason,
    Succeeded,
    WorkFailed,
    WorkInterrupted,
    run_attempt,
)
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    Usage,
)
from tests.support.agents.subtasks import a_subtask, done


def a_stop() -> asyncio.Future[StopReason]:
    return asyncio.get_running_loop().create_future()


def a_failure(claimed: ClaimedSubtask) -> Failure:
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_="rate_limited", message="wait"),
        action=FailureAction.RETRY,
    )


async def forever(_: ClaimedSubtask) -> Completion:
    await asyncio.Event().wait()
    raise AssertionError


async def stubborn(claimed: ClaimedSubtask) -> Completion:
    """Turn a cancellation into an error, as some clients do."""
    try:
        return await forever(claimed)
    except asyncio.CancelledError as error:
        raise ConnectionError("cut") from error


async def test_work_that_is_done_is_stored() -> None:
    claimed = a_subtask()

    async def work(given: ClaimedSubtask) -> Completion:
        return done(given)

    assert await run_attempt(claimed, work, a_stop()) == Succeeded(done(claimed))


async def test_a_failure_that_work_describes_is_kept_as_it_is() -> None:
    claimed = a_subtask()

    async def work(given: ClaimedSubtask) -> Completion:
        raise WorkFailed(a_failure(given))

    assert await run_attempt(claimed, work, a_stop()) == Failed(a_failure(claimed))


@pytest.mark.parametrize("error", [ZeroDivisionError("s3cret"), asyncio.CancelledError()])
async def test_an_unexpected_error_is_a_failure_without_secrets_or_internal_names(
    error: BaseException,
) -> None:
    async def work(_: ClaimedSubtask) -> Completion:
        raise error

    outcome = await run_attempt(a_subtask(), work, a_stop())

    assert isinstance(outcome, Failed)
    assert outcome.failure.action == FailureAction.RETRY
    assert outcome.failure.error.class_ == "internal"
    assert "s3cret" not in outcome.failure.error.message
    assert type(error).__name__ not in outcome.failure.error.model_dump_json()


@pytest.mark.parametrize("work", [forever, stubborn])
@pytest.mark.parametrize("reason", list(StopReason))
async def test_a_stop_reason_stops_the_work_and_is_the_outcome(
    work: Callable[[ClaimedSubtask], Awaitable[Completion]], reason: StopReason
) -> None:
    stop = a_stop()
    asyncio.get_running_loop().call_soon(stop.set_result, reason)

    assert await run_attempt(a_subtask(), work, stop) == Stopped(reason)


@pytest.mark.parametrize("with_verdict", [False, True])
async def test_cancelled_work_reports_its_usage_and_swallows_no_outer_cancel(
    *, with_verdict: bool
) -> None:
    used = Usage(model_id="m", provider="p", input_tokens=7, duration_ms=1)
    stop, begun = a_stop(), asyncio.Event()

    async def work(_: ClaimedSubtask) -> Completion:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise WorkInterrupted(used) from error
        raise AssertionError

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_attempt(a_subtask(), work, stop))
        await begun.wait()
        if with_verdict:
            stop.set_result(StopReason.CANCELLED)
        else:
            task.cancel()
        await asyncio.wait([task])

    if with_verdict:
        assert task.result() == Stopped(StopReason.CANCELLED, used)
    else:
        assert task.cancelled()


async def test_work_that_failed_after_a_stop_reports_its_usage() -> None:
    used = Usage(model_id="m", provider="p", input_tokens=7, duration_ms=1)
    stop, claimed = a_stop(), a_subtask()
    error = ErrorInfo(class_="connection", message="it broke")
    failure = Failure(ref=claimed.ref, error=error, action=FailureAction.RETRY, usage=used)

    async def work(_: ClaimedSubtask) -> Completion:
        stop.set_result(StopReason.CANCELLED)
        raise WorkFailed(failure)

    assert await run_attempt(claimed, work, stop) == Stopped(StopReason.CANCELLED, used)


async def test_a_stop_reason_from_before_the_start_stops_the_work_too() -> None:
    stop = a_stop()
    stop.set_result(StopReason.LOST)

    assert await run_attempt(a_subtask(), forever, stop) == Stopped(StopReason.LOST)


@pytest.mark.parametrize("turns", range(6))
async def test_the_fence_judges_work_that_was_done_despite_a_stop_reason(
    turns: int,
) -> None:
    stop = a_stop()
    claimed = a_subtask()

    async def work(given: ClaimedSubtask) -> Completion:
        for turn in range(3):
            if turn == turns:
                stop.set_result(StopReason.CANCELLED)
            await asyncio.sleep(0)
        return done(given)

    outcome = await run_attempt(claimed, work, stop)

    expected: Outcome = Succeeded(done(claimed)) if turns >= 3 else Stopped(StopReason.CANCELLED)
    assert outcome == expected


async def test_a_stop_reason_in_the_turn_in_which_work_ends_changes_nothing() -> None:
    stop = a_stop()
    claimed = a_subtask()

    async def work(given: ClaimedSubtask) -> Completion:
        stop.set_result(StopReason.CANCELLED)
        return done(given)

    assert await run_attempt(claimed, work, stop) == Succeeded(done(claimed))


@pytest.mark.parametrize("work", [forever, stubborn])
@pytest.mark.parametrize("with_verdict", [False, True])
async def test_a_cancel_from_outside_passes_through_whatever_work_makes_of_it(
    work: Callable[[ClaimedSubtask], Awaitable[Completion]], *, with_verdict: bool
) -> None:
    stop = a_stop()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run_attempt(a_subtask(), work, stop))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        if with_verdict:
            stop.set_result(StopReason.LOST)

    assert task.cancelled()
