"""Laws for every adapter."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import ChatRequest, Done, FinishReason, TextDelta, TokenUsage, Tool
from providers.chat_response import collect_response
from providers.errors import (
    AuthenticationFailed,
    BudgetExhausted,
    CallFailed,
    ConnectionFailed,
    IncompleteStream,
    InvalidRequest,
    MalformedResponse,
    ModelNotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    TimedOut,
    TimeoutPhase,
)
from tests.contract.providers.conftest import Opener
from tests.support.eventually import eventually
from tests.support.servers.simulator import Journal
from tests.support.token_counts import counts_of

Ask = Callable[..., ChatRequest]
PATIENT = Timeouts()


async def test_an_answer_is_streamed_counted_and_ended(adapter: Adapter, ask: Ask) -> None:
    events = [event async for event in adapter.stream(ask(), timeouts=PATIENT)]

    assert sum(isinstance(event, TextDelta) for event in events) > 3
    assert isinstance(events[-1], Done)
    assert events[-1].finish_reason is FinishReason.STOP
    [usage] = [event for event in events if isinstance(event, TokenUsage)][-1:]
    assert counts_of(usage).prompt > 0
    assert counts_of(usage).output > 0
    assert usage.raw


async def test_a_fold_gives_the_whole_answer(adapter: Adapter, ask: Ask) -> None:
    answer = await collect_response(adapter.stream(ask(), timeouts=PATIENT))

    assert "simulated" in answer.text.lower()
    assert "```python" in answer.text
    assert answer.done.model is not None


async def test_reasoning_comes_apart_from_the_text(adapter: Adapter, ask: Ask, vendor: str) -> None:
    answer = await collect_response(adapter.stream(ask(reasoning_effort="high"), timeouts=PATIENT))

    if vendor == "openai":  # it thinks, and never shows it on this wire
        assert counts_of(answer.usage).reasoning > 0
    else:
        assert answer.reasoning
        assert answer.reasoning not in answer.text


async def test_truncation_at_the_limit_is_reported(adapter: Adapter, ask: Ask) -> None:
    answer = await collect_response(adapter.stream(ask(max_output_tokens=8), timeouts=PATIENT))

    assert answer.done.finish_reason is FinishReason.LENGTH


async def test_parameters_of_every_kind_are_accepted(adapter: Adapter, ask: Ask) -> None:
    tool = Tool(name="look", description="Look it up", parameters={"type": "object"})
    request = ask(
        system="Be brief",
        tools=(tool,),
        response_schema={"type": "object"},
        temperature=0.2,
        top_p=0.9,
        stop=("END",),
        metadata={"user": "someone"},
    )

    answer = await collect_response(adapter.stream(request, timeouts=PATIENT))

    assert answer.text


async def test_dropped_parameters_are_noted(adapter: Adapter, ask: Ask, vendor: str) -> None:
    answer = await collect_response(
        adapter.stream(ask(temperature=0.2, top_p=0.9), timeouts=PATIENT)
    )

    dropped = {note.split()[0] for note in answer.done.notes}
    assert dropped == ({"temperature", "top_p"} if vendor == "anthropic" else set())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", InvalidRequest),
        ("401", AuthenticationFailed),
        ("402", BudgetExhausted),
        ("403", PermissionDenied),
        ("408", Overloaded),
        ("429", RateLimited),
        ("500", Overloaded),
        ("503", Overloaded),
        ("529", Overloaded),
        ("cut", ConnectionFailed),
        ("cut after=0", ConnectionFailed),
        ("clean-end", IncompleteStream),
        ("clean-end after=0", IncompleteStream),
        ("bad-json", MalformedResponse),
        ("bad-json after=0", MalformedResponse),
        ("error-event", Overloaded),
        ("error-event after=0", Overloaded),
    ],
)
async def test_each_fault_has_its_error(
    adapter: Adapter, ask: Ask, fault: str, error: type[CallFailed]
) -> None:
    with pytest.raises(CallFailed) as raised:
        await collect_response(
            adapter.stream(ask(f"fibonacci [[fault:{fault}]]"), timeouts=PATIENT)
        )

    assert type(raised.value) is error


async def test_a_wrong_key_is_named_and_not_shown(
    adapter_with_key: Callable[[str], Adapter], ask: Ask, vendor: str
) -> None:
    adapter = adapter_with_key("invalid")

    with pytest.raises(AuthenticationFailed) as raised:
        await collect_response(adapter.stream(ask(), timeouts=PATIENT))

    assert raised.value.status == (400 if vendor == "gemini" else 401)
    assert not raised.value.retryable


async def test_an_unknown_model_is_for_the_planner(adapter: Adapter, ask: Ask) -> None:
    with pytest.raises(ModelNotFound) as raised:
        await collect_response(adapter.stream(ask(model="no-such-model"), timeouts=PATIENT))

    assert raised.value.reroute


async def test_retry_after_of_the_vendor_is_kept(adapter: Adapter, ask: Ask) -> None:
    with pytest.raises(RateLimited) as raised:
        await collect_response(adapter.stream(ask("[[fault:429 retry_after=7]]"), timeouts=PATIENT))

    assert raised.value.retry_after == timedelta(seconds=7)


async def test_nothing_is_retried_below_the_task(
    adapter: Adapter, ask: Ask, journal: Journal, vendor: str
) -> None:
    with pytest.raises(Overloaded):
        await collect_response(
            adapter.stream(ask(f"[[fault:500 times=1]] {vendor}"), timeouts=PATIENT)
        )

    assert len(await journal.requests()) == 1


@pytest.mark.parametrize(
    ("fault", "timeouts", "phase"),
    [
        ("stall after=0", Timeouts(first_token=timedelta(seconds=0.2)), TimeoutPhase.FIRST_TOKEN),
        ("slow-headers=30", Timeouts(first_token=timedelta(seconds=0.2)), TimeoutPhase.FIRST_TOKEN),
        ("stall", Timeouts(stall=timedelta(seconds=0.2)), TimeoutPhase.STALL),
        ("stall", Timeouts(total=timedelta(seconds=0.3)), TimeoutPhase.TOTAL),
    ],
)
async def test_each_patience_has_its_end(
    adapter: Adapter, ask: Ask, fault: str, timeouts: Timeouts, phase: TimeoutPhase
) -> None:
    with pytest.raises(TimedOut) as raised:
        await collect_response(
            adapter.stream(ask(f"fibonacci [[fault:{fault}]]"), timeouts=timeouts)
        )

    assert raised.value.phase is phase


async def test_closing_the_stream_ends_the_vendors_work(
    adapter: Adapter, ask: Ask, journal: Journal
) -> None:
    async with aclosing(adapter.stream(ask("[[fault:stall after=2]]"), timeouts=PATIENT)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break

    async def was_aborted() -> bool:
        return bool((await journal.requests())[0]["aborted_by_client"])

    aborted: bool = await eventually(was_aborted, within=5)
    assert aborted


async def test_an_adapter_serves_one_call_after_the_other(adapter: Adapter, ask: Ask) -> None:
    first = await collect_response(adapter.stream(ask(), timeouts=PATIENT))
    second = await collect_response(adapter.stream(ask(), timeouts=PATIENT))

    assert first.text == second.text


async def test_models_are_listed(adapter: Adapter) -> None:
    models = await adapter.list_models()

    assert models
    assert all(model.id for model in models)


async def test_ambient_variables_of_the_sdks_do_not_travel(
    monkeypatch: pytest.MonkeyPatch,
    adapter_with_key: Callable[[str], Adapter],
    ask: Ask,
) -> None:
    for name in ("ANTHROPIC", "FIREWORKS", "OPENAI"):
        monkeypatch.setenv(f"{name}_CUSTOM_HEADERS", "x-cogo-fault: 500")
        monkeypatch.setenv(f"{name}_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")

    adapter = adapter_with_key("a-key")
    answer = await collect_response(adapter.stream(ask(), timeouts=PATIENT))

    assert answer.text
    assert await adapter.list_models()


@pytest.mark.parametrize("vendor", ["llamacpp", "ollama"])
async def test_what_is_for_this_machine_goes_to_no_proxy(
    adapter_with_key: Opener, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    adapter = adapter_with_key("a-key")

    answer = await collect_response(adapter.stream(ask(), timeouts=PATIENT))

    assert answer.text
    assert await adapter.list_models()
