"""Exact limits around a call: circuits, rates, concurrency."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from agents.middleware.call_reporter import CallReporter
from agents.middleware.circuit_breaker import MIN_WAIT, CircuitBreakerMiddleware
from agents.middleware.rate_limit import RateLimitMiddleware, estimate_tokens
from protocol.records.models import Circuit, Draw, Drawn, Trial
from providers import errors
from providers.calls.concurrency import MAX_QUEUE_WAIT, RETRY_AFTER, ConcurrencyMiddleware
from providers.calls.middleware import CallContext, VendorCall
from providers.calls.retries import MAX_TOTAL_WAIT
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.chat import ChatRequest, Done, FinishReason, Message, TokenUsage
from providers.errors import AtCapacity, CircuitOpen
from tests.support.agents.fake_call_state import FakeCallStateStore
from tests.support.virtual_time import in_virtual_time

CATALOGUE = Catalogue.load()
MODEL = CATALOGUE.get_model("claude-sonnet-5-5")
DONE = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")


class Scripted(FakeCallStateStore):
    """Answers as a test says, and records the calls."""

    def __init__(self, *, trial: Trial | None = None, drawn: Sequence[float] = ()) -> None:
        super().__init__()
        self.trial = trial
        self.waits = list(drawn)
        self.trials = 0
        self.draws = 0

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        del agent_id, deployment, trial_id
        self.trials += 1
        assert self.trial is not None
        return self.trial

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        del request_id, draws
        self.draws += 1
        if not self.waits:
            return Drawn(granted=True, wait_seconds=0)
        return Drawn(granted=False, wait_seconds=self.waits.pop(0))


def a_request() -> ChatRequest:
    return ChatRequest(model="m", messages=(Message(role="user", content="x" * 4000),))


def a_call(**limits: int) -> VendorCall:
    place = Deployment(
        model=MODEL,
        entry=MODEL.deployments[0].model_copy(update=limits),
        host=CATALOGUE.providers["anthropic"],
        base_url="",
    )
    return VendorCall(deployment=place, request=a_request(), context=CallContext())


def a_breaker(
    store: Scripted, state: str, wait: float, *, resting: bool = False
) -> CircuitBreakerMiddleware:
    reporter = CallReporter(agent_id="agent", store=store)
    reporter.update_circuit(
        Circuit.model_validate(
            {
                "deployment": a_call().deployment.id,
                "state": state,
                "wait_seconds": wait,
                "resting": resting,
            }
        )
    )
    return CircuitBreakerMiddleware(agent_id="agent", store=store, reporter=reporter)


async def test_an_open_circuit_is_left_alone_for_as_long_as_it_says() -> None:
    store = Scripted()

    with pytest.raises(CircuitOpen) as refused:
        async with a_breaker(store, "open", 1_000).wrap_call(a_call()):
            pass

    assert refused.value.retry_after is not None
    assert timedelta(seconds=990) < refused.value.retry_after <= timedelta(seconds=1_000)
    assert store.trials == 0


async def test_a_resting_vendor_is_not_called_broken() -> None:
    with pytest.raises(AtCapacity, match="asked to wait"):
        async with a_breaker(Scripted(), "closed", 1_000, resting=True).wrap_call(a_call()):
            pass


@pytest.mark.parametrize("wait", [0.0, -1.0])
async def test_when_its_time_is_over_one_trial_is_asked_for(wait: float) -> None:
    store = Scripted(trial=Trial(granted=True, state="half_open", wait_seconds=0))

    async with a_breaker(store, "open", wait).wrap_call(a_call()):
        pass

    assert store.trials == 1


@pytest.mark.parametrize(("said", "wait"), [(0.0, 0.5), (0.5, 0.5), (7.0, 7.0)])
async def test_a_call_without_a_trial_waits_as_told_and_at_least_the_minimum(
    said: float, wait: float
) -> None:
    store = Scripted(trial=Trial(granted=False, state="open", wait_seconds=said))

    with pytest.raises(CircuitOpen) as refused:
        async with a_breaker(store, "open", 0).wrap_call(a_call()):
            pass

    assert timedelta(seconds=0.5) == MIN_WAIT
    assert refused.value.retry_after == timedelta(seconds=wait)


@in_virtual_time
async def test_a_rate_is_waited_for_up_to_exactly_the_longest_wait() -> None:
    half = MAX_TOTAL_WAIT.total_seconds() / 2
    patient = Scripted(drawn=[half, half])
    began = asyncio.get_running_loop().time()

    gate = RateLimitMiddleware(
        store=patient, reporter=CallReporter(agent_id="agent", store=patient)
    )
    async with gate.wrap_call(a_call(requests_per_minute=1)):
        waited = asyncio.get_running_loop().time() - began

    assert patient.draws == 3
    assert waited == pytest.approx(2 * half)

    hasty = Scripted(drawn=[half, half + 0.001])
    gate = RateLimitMiddleware(store=hasty, reporter=CallReporter(agent_id="agent", store=hasty))
    with pytest.raises(AtCapacity) as refused:
        async with gate.wrap_call(a_call(requests_per_minute=1)):
            pass
    assert hasty.draws == 2
    assert refused.value.retry_after == timedelta(seconds=half + 0.001)


@pytest.mark.parametrize(
    ("usage", "sent", "back"),
    [
        pytest.param(TokenUsage(input=100, output=50), True, 1850, id="what was too much"),
        pytest.param(TokenUsage(input=1900, output=200), True, -100, id="what was too little"),
        pytest.param(TokenUsage(input=None, output=50), True, None, id="unknown"),
        pytest.param(None, True, None, id="not said"),
        pytest.param(None, False, 2000, id="never sent"),
    ],
)
async def test_a_draw_is_settled_by_the_actual_usage(
    usage: TokenUsage | None, sent: bool, back: float | None
) -> None:
    store = Scripted()
    reporter = CallReporter(agent_id="agent", store=store)
    call = a_call(tokens_per_minute=9_000)

    async with RateLimitMiddleware(store=store, reporter=reporter).wrap_call(call):
        call.report.sent, call.report.usage = sent, usage

    given = [each.amount for each in reporter.get_counts(call).given_back]
    assert given == ([] if back is None else [back])


async def held(gate: ConcurrencyMiddleware, stack: AsyncExitStack, calls: int) -> None:
    for _ in range(calls):
        await stack.enter_async_context(gate.wrap_call(a_call(max_concurrency=2)))


@in_virtual_time
async def test_a_place_that_is_given_back_in_time_is_taken() -> None:
    gate, loop = ConcurrencyMiddleware(), asyncio.get_running_loop()
    stack = AsyncExitStack()
    await held(gate, stack, 2)
    leaving = loop.create_future()
    loop.call_later(MAX_QUEUE_WAIT.total_seconds() - 0.001, leaving.set_result, None)

    async def leave() -> None:
        await leaving
        await stack.aclose()

    async with asyncio.TaskGroup() as group:
        group.create_task(leave())
        async with gate.wrap_call(a_call(max_concurrency=2)):
            assert loop.time() == pytest.approx(MAX_QUEUE_WAIT.total_seconds(), abs=0.01)


@in_virtual_time
async def test_a_call_that_waits_in_vain_is_told_to_come_later_and_takes_no_place() -> None:
    gate = ConcurrencyMiddleware()
    async with AsyncExitStack() as stack:
        await held(gate, stack, 2)
        with pytest.raises(AtCapacity) as refused:
            await held(gate, stack, 1)
        room = gate.get_limit(a_call(max_concurrency=2).deployment)
        assert room.running == 2
    assert refused.value.retry_after == RETRY_AFTER
    assert room.running == 0


@in_virtual_time
async def test_a_push_back_halves_the_places_and_an_answer_gives_some_back() -> None:
    gate, call = ConcurrencyMiddleware(), a_call(max_concurrency=4)
    with pytest.raises(errors.RateLimited):
        async with gate.wrap_call(call):
            call.report.error = errors.RateLimited("v", "no")
            raise call.report.error
    room = gate.get_limit(call.deployment)
    assert room.limit == 2

    call = a_call(max_concurrency=4)
    async with gate.wrap_call(call):
        call.report.done = DONE
    assert room.limit == 2.5


@pytest.mark.parametrize(
    ("error", "told"), [(None, "answered"), (errors.Overloaded("v", "no"), "failed")]
)
async def test_the_outcome_of_a_trial_is_reported(
    error: errors.CallFailed | None, told: str
) -> None:
    store = Scripted(trial=Trial(granted=True, state="half_open", wait_seconds=0))
    reporter = CallReporter(agent_id="agent", store=store)
    reporter.update_circuit(
        Circuit(deployment=a_call().deployment.id, state="open", wait_seconds=0)
    )
    call = a_call()

    async with CircuitBreakerMiddleware(agent_id="agent", store=store, reporter=reporter).wrap_call(
        call
    ):
        assert reporter.get_counts(call).build_report(concurrency=1, running=0).trial == "running"
        call.report.sent, call.report.error = True, error
        call.report.done = None if error else DONE

    assert reporter.get_counts(call).build_report(concurrency=1, running=0).trial == told


async def test_a_circuit_that_was_closed_meanwhile_needs_no_trial_from_then_on() -> None:
    store = Scripted(trial=Trial(granted=True, state="closed", wait_seconds=0))
    gate = a_breaker(store, "open", 0)

    for _ in range(2):
        async with gate.wrap_call(a_call()):
            pass

    assert store.trials == 1


async def test_an_open_circuit_is_no_rest_even_if_the_vendor_also_asked_for_one() -> None:
    with pytest.raises(CircuitOpen):
        async with a_breaker(Scripted(), "open", 1_000, resting=True).wrap_call(a_call()):
            pass


@pytest.mark.parametrize(("limit", "tokens"), [(10, 1_010), (1_000, 2_000), (5_000, 2_000)])
def test_an_answer_is_estimated_by_its_limit_up_to_the_usual(limit: int, tokens: float) -> None:
    assert estimate_tokens(replace(a_request(), max_output_tokens=limit)) == tokens


async def test_places_follow_the_catalogue_and_the_pace_is_that_of_late() -> None:
    gate, call = ConcurrencyMiddleware(), a_call(max_concurrency=4)
    assert gate.get_latency(call.deployment) == 0
    async with gate.wrap_call(call):
        call.report.done, call.report.first_token = DONE, timedelta(seconds=3)

    assert gate.get_latency(call.deployment) == 3
    assert gate.get_limit(call.deployment).limit == 4
    smaller = gate.get_limit(a_call(max_concurrency=2).deployment)
    assert (smaller.maximum, smaller.limit) == (2, 2)
    larger = gate.get_limit(a_call(max_concurrency=9).deployment)
    assert (larger.maximum, larger.limit) == (9, 2)
