"""The executor: from a stamped subtask to a completion or a failure."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from agents.runtime.attempt import WorkInterrupted
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType
from protocol.records import (
    ClaimedSubtask,
    FailureAction,
    SessionMessage,
)
from providers.chat import (
    Citation,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    TokenUsage,
    ToolCallDelta,
)
from providers.errors import AtCapacity, CircuitOpen, ConnectionFailed, NotAsked, Overloaded
from providers.prices import Cost
from tests.support.agents.executor_harness import (
    CUT,
    STOP,
    ExecutorHarness,
)
from tests.support.agents.fake_store import AWAY
from tests.support.agents.subtasks import a_subtask
from tests.support.eventually import eventually


def a_local(task: dict[str, Any] | None = None, **fields: Any) -> ClaimedSubtask:
    return a_subtask(task, **{"lane": "ollama/some-model"} | fields)


async def test_an_answer_becomes_a_completion_with_its_usage() -> None:
    usage = TokenUsage(input=7, cached=5, cache_write=3, output=11, reasoning=2, raw={"total": 28})
    harness = ExecutorHarness(
        ReasoningDelta("think"),
        TextDelta("```py\nx"),
        TextDelta(" = 1\n```"),
        Citation(url="https://example.org", title="An example"),
        usage,
        STOP,
        cost=Cost(usd=Decimal("0.25"), source="a table"),
    )
    claimed = a_local(
        params={"generation_prompt": "Write", "target_file": "x.py", "language": "python"}
    )

    completion = await harness.execute(claimed)

    used = completion.usage
    assert used is not None
    assert (used.model_id, used.provider) == ("ollama/some-model", "ollama")
    assert (used.input_tokens, used.cached_tokens) == (10, 5)
    assert (used.output_tokens, used.reasoning_tokens) == (11, 2)
    assert (used.cost_usd, used.finish_reason) == (Decimal("0.25"), "stop")
    assert used.first_token_ms is not None
    assert used.first_token_ms <= used.duration_ms
    assert used.derived == {
        "maker": "unknown",
        "made_by": "unknown (via Ollama)",
        "price_source": "a table",
        "usage": {"total": 28},
        "request_id": "req_1",
    }
    output = completion.output
    assert output["generated_code"] == "x = 1\n"
    assert output["text"] == "```py\nx = 1\n```"
    assert output["reasoning_content"] == "think"
    assert (output["file_path"], output["language"]) == ("x.py", "python")
    assert output["verification"]["status"] == "unverified"
    assert output["citations"] == [{"url": "https://example.org", "title": "An example"}]
    assert "simulated" not in output
    assert completion.messages == []


async def test_code_that_was_cut_is_kept_and_said_to_be_cut() -> None:
    harness = ExecutorHarness(TextDelta("```python\ndef f(:"), CUT)

    output = (await harness.execute(a_local())).output

    assert output["finish_reason"] == "length"
    assert output["generated_code"] == "def f(:"
    assert (output["verification"]["status"], output["verification"]["reason"]) == (
        "failed",
        "ends: it was cut at the model's limit",
    )
    assert any("raise params.max_output_tokens" in note for note in output["notes"])


async def test_text_that_turns_out_to_be_thinking_is_no_part_of_the_answer() -> None:
    harness = ExecutorHarness(TextDelta("hm"), TextWasThinking(), TextDelta("so"), STOP)

    output = (await harness.execute(a_local(type="CHAT"))).output

    assert (output["text"], output["reasoning_content"]) == ("so", "hm")


async def test_an_unknown_cost_and_unknown_tokens_stay_unknown() -> None:
    completion = await ExecutorHarness(TextDelta("x"), STOP).execute(a_local())

    assert completion.usage is not None
    assert completion.usage.cost_usd is None
    assert completion.usage.input_tokens is None
    assert completion.usage.output_tokens is None
    assert completion.output["derived"]["cost_usd"] is None


@pytest.mark.parametrize("error", [AtCapacity, CircuitOpen])
async def test_a_call_that_was_not_sent_costs_nothing(error: type[NotAsked]) -> None:
    refusal = error("ollama", "full", retry_after=timedelta(seconds=15))

    failure = await ExecutorHarness(refusal).failure(a_local())
    sent = await ExecutorHarness(Overloaded("ollama", "no")).failure(a_local())

    assert failure.usage is not None
    assert failure.usage.cost_usd == 0
    assert sent.usage is not None
    assert sent.usage.cost_usd is None


async def test_an_answer_of_the_simulator_says_so() -> None:
    harness = ExecutorHarness(TextDelta("x"), STOP, simulated=True)

    completion = await harness.execute(a_local())

    assert completion.output["simulated"] is True
    assert completion.output["derived"]["simulated"] is True
    assert completion.usage is not None
    assert (completion.usage.simulated, completion.usage.cost_usd) == (True, Decimal())


async def test_the_result_names_the_branch_and_the_params_that_were_not_used() -> None:
    params = {"generation_prompt": "p", "git_branch": "feature/x", "notes": ["x was ignored."]}

    output = (await ExecutorHarness(TextDelta("x"), STOP).execute(a_local(params=params))).output

    assert (output["git_branch"], output["notes"]) == ("feature/x", ["x was ignored."])


@pytest.mark.parametrize("type_", ["CHAT", "ANALYZE_CODE"])
async def test_an_answer_that_is_no_code_claims_none(type_: str) -> None:
    completion = await ExecutorHarness(TextDelta("Hello"), STOP).execute(a_local(type=type_))

    assert completion.output["text"] == "Hello"
    assert {"generated_code", "verification"}.isdisjoint(completion.output)


async def test_watchers_hear_every_word_before_the_completion() -> None:
    harness = ExecutorHarness(ReasoningDelta("hm"), TextDelta("one "), TextDelta("two"), STOP)

    await harness.execute(a_local())

    assert [(each.kind, each.delta) for each in harness.heard()] == [
        ("reasoning", "hm"),
        ("text", "one two"),
    ]


async def test_a_channel_that_is_down_costs_no_answer() -> None:
    harness = ExecutorHarness(TextDelta("x"), STOP)
    harness.bus.error = AWAY

    assert (await harness.execute(a_local())).output["text"] == "x"


async def test_a_character_that_a_vendor_cut_in_two_is_whole_again() -> None:
    harness = ExecutorHarness(TextDelta("\ud83d"), TextDelta("\ude00!"), TextDelta("\udc00"), STOP)

    completion = await harness.execute(a_local())

    assert completion.output["text"] == "\U0001f600!\ufffd"
    assert "".join(each.delta for each in harness.heard()) == completion.output["text"]
    assert completion.model_dump_json()


async def test_tool_calls_that_nobody_offered_are_passed_over() -> None:
    harness = ExecutorHarness(
        ToolCallDelta(index=0, id="1", name="rm", arguments="{}"), TextDelta("x"), STOP
    )

    assert (await harness.execute(a_local())).output["text"] == "x"


async def test_a_failed_call_books_what_it_used() -> None:
    harness = ExecutorHarness(
        TextDelta("half of"),
        TokenUsage(input=9),
        Overloaded("ollama", "busy", retry_after=timedelta(seconds=7)),
        cost=Cost(usd=Decimal(1), source="a table"),
    )

    failure = await harness.failure(a_local())

    assert failure.action == FailureAction.RETRY
    assert failure.retry_after == timedelta(seconds=7)
    assert failure.usage is not None
    assert (failure.usage.input_tokens, failure.usage.cost_usd) == (9, Decimal(1))
    assert failure.output is not None
    assert failure.output.content == "half of"


async def test_a_call_that_was_cut_off_reports_only_what_is_certain() -> None:
    started = TokenUsage(input=12, cached=3, output=1, raw={"input_tokens": 12})
    harness = ExecutorHarness(
        started, TextDelta("half"), pause=True, cost=Cost(usd=Decimal(1), source="a table")
    )

    async with asyncio.TaskGroup() as group:
        task = group.create_task(harness.cut_off(a_local()))
        await eventually(lambda: harness.router.is_pausing)
        task.cancel()

    used = task.result()
    assert (used.input_tokens, used.cached_tokens) == (12, 3)
    assert used.first_token_ms is not None
    assert (used.output_tokens, used.reasoning_tokens, used.cost_usd) == (None, None, None)


async def test_a_whole_answer_that_was_cut_off_on_its_way_out_is_booked_whole() -> None:
    used = TokenUsage(input=12, output=5)
    harness = ExecutorHarness(
        TextDelta("all"), used, STOP, cost=Cost(usd=Decimal(1), source="a table")
    )
    harness.bus.gate = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(harness.cut_off(a_local()))
        await eventually(lambda: harness.bus.requests)
        task.cancel()

    assert (task.result().output_tokens, task.result().cost_usd) == (5, Decimal(1))


async def test_a_realtime_that_hangs_does_not_keep_a_result_back() -> None:
    harness = ExecutorHarness(TextDelta("all"), STOP, max_flush=timedelta(milliseconds=1))
    harness.bus.gate = asyncio.Event()

    for _ in range(3):
        completion = await harness.execute(a_local())
        assert completion.output["text"] == "all"

    # Who has waited once knows, and does not wait again.
    assert len(harness.bus.requests) == 1


async def test_a_local_server_that_cannot_be_reached_is_looked_for() -> None:
    harness = ExecutorHarness(ConnectionFailed("ollama", "refused"))

    failure = await harness.failure(a_local())

    assert failure.error.class_ == "connection"
    assert harness.lanes.doubts == 1


async def test_a_model_that_cannot_be_called_from_here_goes_back_to_the_cio() -> None:
    harness = ExecutorHarness()

    assert (await harness.failure(a_subtask())).action == FailureAction.REROUTE
    gone = await harness.failure(a_subtask(lane="a-model-of-another-catalogue"))
    assert gone.action == FailureAction.REROUTE


async def test_a_model_that_asked_for_days_is_not_asked_before() -> None:
    until = (utc_now() + timedelta(days=2)).isoformat()
    earlier = {
        "attempt": 1,
        "model_id": "ollama/some-model",
        "outcome": "rerouted",
        "error": {"class": "rate_limited", "retry_at": until},
    }
    harness = ExecutorHarness(TextDelta("x"), STOP)

    failure = await harness.failure(a_local(failures=1, history=[earlier]))

    assert failure.action == FailureAction.SNOOZE
    assert failure.retry_after is not None
    assert timedelta(days=1, hours=23) < failure.retry_after <= timedelta(days=2)
    assert harness.router.asked == []


async def test_a_subtask_without_a_prompt_is_given_up() -> None:
    failure = await ExecutorHarness().failure(a_local(params={"generation_prompt": ""}))

    assert failure.action == FailureAction.GIVE_UP
    assert "generation_prompt" in failure.error.message


async def test_a_conversation_goes_on_where_it_ended() -> None:
    harness = ExecutorHarness(TextDelta("Blue."), STOP)
    harness.store.memory = [
        SessionMessage(role="user", content="Hi"),
        SessionMessage(role="assistant", content="Hello"),
    ]
    claimed = a_local({"session_id": str(uuid4()), "prompt": "Which colour?"}, type="CHAT")

    completion = await harness.execute(claimed)

    (request,) = harness.router.asked
    assert [(each.role, each.content) for each in request.messages[:2]] == [
        ("user", "Hi"),
        ("assistant", "Hello"),
    ]
    assert [(each.role, each.content) for each in completion.messages] == [
        ("user", "Which colour?"),
        ("assistant", "Blue."),
    ]


async def test_a_conversation_that_cannot_be_read_yet_is_waited_for() -> None:
    harness = ExecutorHarness(TextDelta("x"), STOP)
    harness.store.errors["read_session"] = AWAY

    async with asyncio.TaskGroup() as group:
        task = group.create_task(harness.execute(a_local({"session_id": str(uuid4())})))
        await eventually(lambda: harness.store.asked["read_session"], within=5)
        harness.store.errors.clear()

    assert task.result().output["text"] == "x"


async def test_messages_are_doorbells() -> None:
    harness = ExecutorHarness()

    async with asyncio.TaskGroup() as group:
        executor = harness.executor()
        waiting = group.create_task(harness.wakeup.wait())
        await asyncio.sleep(0)
        executor.handle_message(_message(MessageType.SUBTASK_CANCELLED))
        await asyncio.sleep(0)
        assert not waiting.done()
        executor.handle_message(_message(MessageType.MCP_SUBTASK))
        await eventually(waiting.done, within=2)


async def test_the_text_so_far_is_kept_with_the_lease() -> None:
    harness = ExecutorHarness(ReasoningDelta("hm"), TextDelta("one "), TextDelta("two"), STOP)

    await harness.execute(a_local())

    assert [(each.content, each.reasoning) for each in harness.keeper.kept] == [
        ("", "hm"),
        ("one ", "hm"),
        ("one two", "hm"),
    ]


async def test_the_text_that_was_seen_is_kept_when_its_task_is_cancelled() -> None:
    harness, claimed = ExecutorHarness(TextDelta("one "), TextDelta("two"), pause=True), a_local()
    executor = harness.executor()

    async def work() -> None:
        with pytest.raises(WorkInterrupted):
            await executor.execute(claimed)

    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        await eventually(lambda: harness.router.is_pausing)
        before = len(harness.keeper.kept)
        executor.handle_message(_message(MessageType.SUBTASK_CANCELLED, subtask_id=str(uuid4())))
        assert len(harness.keeper.kept) == before
        subtask_id = str(claimed.ref.subtask_id)
        executor.handle_message(_message(MessageType.SUBTASK_CANCELLED, subtask_id=subtask_id))
        working.cancel()

    assert {each.content for each in harness.keeper.kept[before:]} == {"one two"}


async def test_an_attempt_that_lost_its_lease_ends_apart_from_the_next() -> None:
    harness = ExecutorHarness(TextDelta("one"), pause=True)
    executor, lost = harness.executor(), a_local()
    both = [lost, lost.model_copy(update={"attempt": lost.attempt + 1})]

    async def work(claimed: ClaimedSubtask) -> None:
        with pytest.raises(WorkInterrupted):
            await executor.execute(claimed)

    async with asyncio.TaskGroup() as group:
        working = [group.create_task(work(each)) for each in both]
        await eventually(lambda: len(harness.keeper.kept) == len(both))
        for each in working:
            each.cancel()


def _message(type_: MessageType, **payload: str) -> Envelope:
    return Envelope(type=type_, payload=payload, source="test", target="cogo-subtasks")
