"""One answer out of several keys and deployments, against the simulator's faults."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from providers import errors
from providers.adapters.base import Timeouts
from providers.calls.middleware import CallContext, VendorCall
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Credentials
from providers.catalogue.keyring import REREAD_EVERY, Keyring
from providers.catalogue.schema import TimeoutSeconds
from providers.chat import TextDelta
from providers.chat_response import collect_response
from providers.errors import CallFailed, NotServed
from providers.router import Router
from tests.contract.providers.calls import RecordingMiddleware, a_request
from tests.contract.providers.conftest import BASE_URLS, CATALOGUE
from tests.support.servers.simulator import Journal

MODEL = "claude-sonnet-5-5"
A, B, C = (SecretStr(f"sk-a-long-key-number-{name}") for name in "abc")
PATIENT = Timeouts(
    first_token=timedelta(seconds=60), stall=timedelta(seconds=60), total=timedelta(seconds=120)
)
SHORT = timedelta(seconds=1.5)
HASTY = replace(PATIENT, first_token=SHORT, stall=SHORT)
"""For vendors that stall. The deployment that answers after them has no more time."""


def credentials(simulator: str, *providers: str, keys: tuple[SecretStr, ...] = (A,)) -> Credentials:
    return {
        each: Credential(
            key=keys[0], spare_keys=keys[1:], base_url=simulator + BASE_URLS[each], simulated=True
        )
        for each in providers
    }


def with_routing(**changes: object) -> Catalogue:
    """Return a copy of the catalogue with a changed entry of the model."""
    catalogue = Catalogue.load()
    model = catalogue.models[MODEL].model_copy(update=changes)
    catalogue.models = {**catalogue.models, MODEL: model}
    return catalogue


async def test_a_deployment_that_fails_before_its_first_word_is_passed_over(
    simulator: str, journal: Journal
) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")
    prompt = f"Say it {uuid4()} [[fault:529 times=1]]"

    async with Router(CATALOGUE, opened) as router:
        call = router.call(MODEL, a_request(prompt))
        assert call.deployment.provider == "anthropic"
        answer = await collect_response(call.events)

    assert answer.text
    assert call.deployment.provider == "openrouter"
    [failed] = call.failed_calls
    assert failed.deployment.provider == "anthropic"
    assert isinstance(failed.error, errors.Overloaded)
    assert [each["vendor"] for each in await journal.requests()] == ["anthropic", "openrouter"]


async def test_after_the_first_token_no_other_deployment_is_called(
    simulator: str, journal: Journal
) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")
    heard: list[str] = []

    async with Router(CATALOGUE, opened) as router:
        call = router.call(MODEL, a_request("Say much [[fault:cut after=5]]"))
        with pytest.raises(errors.ConnectionFailed):
            async for event in call.events:
                heard += [event.text] if isinstance(event, TextDelta) else []

    assert heard
    assert len(await journal.requests()) == 1


async def test_the_next_attempt_calls_another_deployment_first(simulator: str) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")

    async with Router(CATALOGUE, opened) as router:
        context = CallContext(affinity="a", avoid=frozenset({"anthropic"}))
        call = router.call(MODEL, a_request(), context=context)
        await collect_response(call.events)

    assert call.deployment.provider == "openrouter"


async def test_a_forbidden_deployment_is_never_called(simulator: str, journal: Journal) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")
    context = CallContext(data_policy=("no-training",))

    async with Router(CATALOGUE, opened) as router:
        with pytest.raises(errors.Overloaded):
            await collect_response(
                router.call(MODEL, a_request("[[fault:529]]"), context=context).events
            )
        nowhere = replace(context, data_policy=("local-only",))
        with pytest.raises(
            NotServed, match="anthropic:claude-sonnet-5-5: the data policy is local"
        ):
            router.call(MODEL, a_request(), context=nowhere)

    assert {each["vendor"] for each in await journal.requests()} == {"anthropic"}


async def test_a_short_retry_after_is_waited_out_within_the_attempt(
    simulator: str, journal: Journal
) -> None:
    prompt = f"Say it {uuid4()} [[fault:429 retry_after=0.4 times=1]]"

    async with Router(CATALOGUE, credentials(simulator, "anthropic")) as router:
        began = time.monotonic()
        call = router.call(MODEL, a_request(prompt))
        answer = await collect_response(call.events)

    assert answer.text
    assert time.monotonic() - began >= 0.4
    assert len(call.failed_calls) == 1
    assert len(await journal.requests()) == 2


class Limits:
    """Refuses calls with these waits, one after the other; then lets calls pass."""

    def __init__(self, *waits: float) -> None:
        self._waits = list(waits)

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        if self._waits:
            wait = timedelta(seconds=self._waits.pop(0))
            raise errors.AtCapacity(call.deployment.provider, "full", retry_after=wait)
        yield


async def test_all_waits_of_an_attempt_count_together(simulator: str, journal: Journal) -> None:
    limits = Limits(0.5, 0.5, 9.2)  # the last one alone would do, even after one of the others

    async with Router(
        CATALOGUE, credentials(simulator, "anthropic"), middleware=[limits]
    ) as router:
        call = router.call(MODEL, a_request())
        with pytest.raises(errors.AtCapacity):
            await collect_response(call.events)

    assert len(call.failed_calls) == 2
    assert not call.was_sent
    assert await journal.requests() == []


async def test_a_call_that_the_vendor_refused_was_sent(simulator: str) -> None:
    async with Router(CATALOGUE, credentials(simulator, "anthropic")) as router:
        call = router.call(MODEL, a_request("[[fault:429 retry_after=90]]"))
        assert not call.was_sent
        with pytest.raises(errors.RateLimited):
            await collect_response(call.events)

    assert call.was_sent


async def test_a_long_retry_after_goes_back_with_the_error(
    simulator: str, journal: Journal
) -> None:
    async with Router(CATALOGUE, credentials(simulator, "anthropic")) as router:
        with pytest.raises(errors.RateLimited) as raised:
            await collect_response(router.stream(MODEL, a_request("[[fault:429 retry_after=90]]")))

    assert raised.value.retry_after == timedelta(seconds=90)
    assert len(await journal.requests()) == 1


async def test_when_all_deployments_fail_each_is_named_with_its_error(simulator: str) -> None:
    opened = dict(credentials(simulator, "anthropic", "openrouter"))
    opened["openrouter"] = replace(opened["openrouter"], key=SecretStr("invalid"))

    async with Router(CATALOGUE, opened) as router:
        with pytest.raises(errors.Overloaded) as failed:
            await collect_response(router.call(MODEL, a_request("[[fault:529]]")).events)

    assert "Simulated 529" in str(failed.value)
    assert "openrouter:" in str(failed.value)
    assert "authentication (HTTP 401)" in str(failed.value)


@pytest.mark.parametrize("status", [401, 403, 402, 429])
async def test_a_refused_key_is_set_aside_and_the_next_one_taken_at_once(
    simulator: str, journal: Journal, status: int
) -> None:
    opened = credentials(simulator, "openai", keys=(A, B))
    prompt = f"Say it {uuid4()} [[fault:{status} times=1]]"
    seen = RecordingMiddleware("gate", [])

    async with Router(CATALOGUE, opened, middleware=[seen]) as router:
        call = router.call("gpt-6.1-sol", a_request(prompt), context=CallContext(affinity="a"))
        await collect_response(call.events)
        refused, taken = (each.key_label for each in seen.calls)
        assert refused != taken
        for _ in range(2):
            again = router.call("gpt-6.1-sol", a_request(), context=CallContext(affinity="a"))
            await collect_response(again.events)

    assert [each.key_label for each in seen.calls[2:]] == [taken, taken]
    assert call.failed_calls[0].key_label == refused


async def test_when_all_keys_are_refused_the_error_is_the_operators(simulator: str) -> None:
    opened = credentials(simulator, "openai", keys=(A, B, C))

    async with Router(CATALOGUE, opened) as router:
        call = router.call("gpt-6.1-sol", a_request("[[fault:401]]"))
        with pytest.raises(errors.AuthenticationFailed):
            await collect_response(call.events)

    assert len(call.failed_calls) == 2
    assert {each.key_label for each in call.failed_calls} <= {"...er-a", "...er-b", "...er-c"}


async def test_a_replaced_key_is_read_when_the_old_one_is_refused(
    simulator: str,
) -> None:
    urgent: list[bool] = []

    def reread(is_urgent: bool) -> Credentials:
        urgent.append(is_urgent)
        return credentials(simulator, "openai", keys=(B,))

    seen = RecordingMiddleware("gate", [])
    opened = credentials(simulator, "openai")
    async with Router(CATALOGUE, opened, middleware=[seen], reread=reread) as router:
        prompt = f"Say it {uuid4()} [[fault:401 times=1]]"
        await collect_response(router.stream("gpt-6.1-sol", a_request(prompt)))

    assert [each.key_label for each in seen.calls] == ["...er-a", "...er-b"]
    assert urgent == [True]


async def test_no_call_waits_while_keys_are_read_again(simulator: str) -> None:
    opened = credentials(simulator, "openai")
    reads: list[bool] = []

    def reread(urgent: bool) -> Credentials:
        reads.append(urgent)
        return opened

    now = itertools.count(step=REREAD_EVERY.total_seconds())
    async with Router(CATALOGUE, opened) as router:
        router.keyring = Keyring(opened, reread=reread, clock=lambda: float(next(now)))
        await collect_response(router.stream("gpt-6.1-sol", a_request()))

    assert reads == []


async def test_a_stalled_start_is_given_up_in_time_for_another(simulator: str) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")
    context = CallContext(timeouts=TimeoutSeconds(first_token=0.3))
    prompt = f"Say it {uuid4()} [[fault:slow-headers=5 times=1]]"

    async with Router(CATALOGUE, opened) as router:
        call = router.call(MODEL, a_request(prompt), context=context)
        await collect_response(call.events)

    assert call.deployment.provider == "openrouter"
    [failed] = call.failed_calls
    assert isinstance(failed.error, errors.TimedOut)


async def test_weights_spread_work_and_keep_each_task_at_one_deployment(simulator: str) -> None:
    opened = credentials(simulator, "anthropic", "openrouter")

    async with Router(with_routing(routing="weighted"), opened) as router:
        homes = {
            number: [
                router.call(
                    MODEL, a_request(), context=CallContext(affinity=str(number))
                ).deployment.id
                for _ in range(3)
            ]
            for number in range(30)
        }

    assert all(len(set(each)) == 1 for each in homes.values())
    assert {each[0] for each in homes.values()} == {
        "simulated:anthropic:claude-sonnet-5-5",
        "simulated:openrouter:anthropic/claude-sonnet-5.5",
    }


# What the vendor does, and what becomes of it: before the first word the other place answers;
# after it the attempt ends with this class, for a new attempt to discard what was seen.
FAULTS = {
    "429": errors.RateLimited,
    "429 retry_after=90": errors.RateLimited,
    "401": errors.AuthenticationFailed,
    "500": errors.Overloaded,
    "529": errors.Overloaded,
    "slow-headers=30": errors.TimedOut,
    "cut after=0": errors.ConnectionFailed,
    "stall after=0": errors.TimedOut,
    "bad-json after=0": errors.MalformedResponse,
    "error-event after=0": errors.Overloaded,
    "clean-end after=0": errors.IncompleteStream,
    "cut after=6": errors.ConnectionFailed,
    "stall after=6": errors.TimedOut,
    "bad-json after=6": errors.MalformedResponse,
    "error-event after=6": errors.Overloaded,
    "clean-end after=6": errors.IncompleteStream,
}
PLACES = {
    "claude-sonnet-5-5": ("anthropic", "openrouter"),
    "gpt-6.1-sol": ("openai", "openrouter"),
    "fireworks/gpt-oss-20b": ("fireworks", "groq"),
    "gemini-3.8-flash": ("gemini", "openrouter"),
}


@pytest.mark.parametrize("model_id", PLACES)
@pytest.mark.parametrize(("fault", "kind"), FAULTS.items(), ids=FAULTS)
async def test_the_fault_matrix(
    simulator: str, model_id: str, fault: str, kind: type[CallFailed]
) -> None:
    first, second = PLACES[model_id]
    prompt = f"Say it {uuid4()} [[fault:{fault} times=1]]"
    timeouts = HASTY if kind is errors.TimedOut else PATIENT

    async with Router(CATALOGUE, credentials(simulator, first, second)) as router:
        call = router.call(model_id, a_request(prompt), timeouts=timeouts)
        if fault.endswith("after=6"):
            with pytest.raises(kind) as raised:
                await collect_response(call.events)
            assert type(raised.value) is kind
            assert call.deployment.provider == first
        else:
            answer = await collect_response(call.events)
            assert answer.done.vendor_finish_reason
            assert call.deployment.provider == second
            assert [type(each.error) for each in call.failed_calls] == [kind]
