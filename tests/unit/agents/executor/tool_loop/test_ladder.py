"""Calls that cannot be run are answered; then one is demanded; then another model is asked."""

from decimal import Decimal
from typing import Any

import pytest

from protocol.messages import MessageType
from protocol.records import ClaimedSubtask, Failure, FailureAction
from protocol.records.leases import EarlierAttempt
from providers.chat import Event, ToolCall
from providers.errors import Overloaded
from tests.support.tools.loops import (
    CALLS,
    CLIENT_ONLY,
    LOCAL,
    TOKENS,
    LoopHarness,
    a_loop,
    again,
    bad,
    calls,
    rejected,
    says,
)

HOSTED = "claude-sonnet-5-5"


def after_failure(claimed: ClaimedSubtask, error_class: str = "bad_tool_calls") -> dict[str, Any]:
    """Return the fields of the next lease that say how this one has ended."""
    ended = EarlierAttempt(
        attempt=claimed.attempt,
        outcome="rerouted",
        model_id=claimed.lane,
        error={"class": error_class},
    )
    return {"history": [ended], "failures": 1}


async def test_a_rejected_call_is_explained_and_its_siblings_run() -> None:
    harness = LoopHarness(
        [rejected("a", "pay", "malformed", "{n: 1/6"), *calls("b read {}")], says("Done.")
    )
    claimed = a_loop()

    completion = await harness.execute(claimed)

    assert [name for name, _, _ in harness.tools.ran] == ["shop.read"]
    _, answer, told, given = harness.router.asked[1].messages
    assert [(each.name, each.arguments) for each in answer.tool_calls] == [
        ("pay", "{n: 1/6"), ("read", "{}"),
    ]  # fmt: skip
    assert told.is_error
    assert told.content.startswith("Your call of shop.pay cannot be used:\nIt was not run. A brace")
    assert "1/6" not in told.content
    assert "one JSON object" in told.content
    assert not given.is_error
    assert completion.output["invalid_calls"] == 1
    assert harness.kinds(claimed) == ["answer", "result", "result"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (rejected("a", "get_weather", "unknown_tool", "{}"), "The tools are: pay, read, ship."),
        (rejected("a", "", "malformed", "<tool_call>{"), "The tools are: pay, read, ship."),
        (rejected("a", "read", "schema", '{"n": "x"}', "n is no integer."), '"type": "integer"'),
        (rejected("a", "read", "truncated", '{"n": "x'), "Call it again in full"),
    ],
)
async def test_a_model_is_told_how_to_call_rightly(call: ToolCall, told: str) -> None:
    harness = LoopHarness([call, TOKENS, CALLS], says("Done."))

    await harness.execute(a_loop())

    _, answer, result = harness.router.asked[1].messages
    assert told in result.content
    assert answer.tool_calls == (call,)
    assert result.tool_call_id == "a"


async def test_no_caller_gets_a_rejected_call() -> None:
    harness = LoopHarness(
        [rejected("a", "theirs", "schema"), TOKENS, CALLS],
        [rejected("b", "theirs", "schema"), *calls("c theirs {}")],
    )
    claimed = a_loop(CLIENT_ONLY)

    completion = await harness.execute(claimed)
    repeated = await harness.execute(again(claimed, harness))

    assert completion.output["tool_calls"] == [{"id": "c", "name": "theirs", "arguments": "{}"}]
    assert repeated.output["tool_calls"] == completion.output["tool_calls"]
    assert completion.output["finish_reason"] == "tool_calls"
    assert harness.kinds(claimed) == ["answer", "result", "answer", "result"]
    assert len(harness.router.asked) == 2


async def fail_thrice(
    claimed: ClaimedSubtask, *answers: list[Event | Exception]
) -> tuple[LoopHarness, Failure]:
    harness = LoopHarness(*answers or (bad(1), bad(2, "schema"), bad(3)))
    return harness, await harness.failure(claimed)


async def test_a_call_is_demanded_and_then_another_model() -> None:
    harness, failure = await fail_thrice(a_loop())

    assert [each.tool_choice for each in harness.router.asked] == ["auto", "auto", "required"]
    assert (failure.error.class_, failure.action) == ("bad_tool_calls", FailureAction.REROUTE)
    assert "in 3 answers in a row (2 malformed, 1 schema)" in failure.error.message
    assert "A brace is open" in failure.error.message
    assert "better at calling" in (failure.error.hint or "")
    assert failure.usage is not None
    assert failure.usage.cost_usd == Decimal("0.03")
    assert failure.usage.derived["calls"] == {
        "clean": 0, "repaired": 0, "rejected": {"malformed": 2, "schema": 1}, "text": 3,
    }  # fmt: skip
    assert not harness.tools.ran


@pytest.mark.parametrize(
    ("model", "action"),
    [
        (LOCAL, FailureAction.GIVE_UP),
        ("coding", FailureAction.REROUTE),
        (HOSTED, FailureAction.REROUTE),
        ("no such model", FailureAction.REROUTE),
    ],
)
async def test_no_other_model_is_asked_if_the_task_names_this_one(
    model: str, action: FailureAction
) -> None:
    claimed = a_loop()
    task = claimed.task.model_copy(update={"model": model})

    _, failure = await fail_thrice(claimed.model_copy(update={"task": task}))

    assert failure.action == action
    assert ("as the task names this one" in failure.error.message) == (
        action is FailureAction.GIVE_UP
    )


async def test_any_model_may_call_badly() -> None:
    """What this executor finds wrong counts as what adapters find wrong."""
    harness, failure = await fail_thrice(
        a_loop(), calls("a read {n"), calls('b read {"n": "one"}'), calls("c nothing {}")
    )

    assert "(1 malformed, 1 schema, 1 unknown_tool)" in failure.error.message
    assert "You wrote: {n\n" in harness.router.asked[1].messages[-1].content


@pytest.mark.parametrize(
    "between", [calls("x read {}"), [rejected("x", "read", "schema"), *calls("y pay {}")]]
)
async def test_only_answers_in_a_row_count(between: list[Event | Exception]) -> None:
    harness = LoopHarness(bad(1), bad(2), between, bad(3), bad(4), says("Done."))

    completion = await harness.execute(a_loop())

    choices = [each.tool_choice for each in harness.router.asked]
    assert choices == ["auto", "auto", "required", "auto", "auto", "required"]
    assert completion.output["turns"] == 6


@pytest.mark.parametrize("done", [1, 2, 3])
async def test_a_successor_decides_as_its_predecessor_would(done: int) -> None:
    answers = [bad(1), bad(2), bad(3)]
    harness = LoopHarness(*answers[:done], [Overloaded("ollama", "busy")], *answers[done:])
    claimed = a_loop()
    if done < 3:
        busy = await harness.failure(claimed)
        assert busy.error.class_ == "overloaded"
        claimed = again(claimed, harness)

    failure = await harness.failure(claimed)
    repeated = await harness.failure(again(claimed, harness))

    assert failure.error.class_ == repeated.error.class_ == "bad_tool_calls"
    assert repeated.error.message == failure.error.message
    assert harness.router.asked[-1 if done < 3 else 2].tool_choice == "required"


async def test_another_model_sees_and_pays_for_nothing_of_it() -> None:
    claimed = a_loop()
    harness = LoopHarness(calls("a read {}"), bad(1), bad(2), bad(3), bad(4), says("Done."))
    failure = await harness.failure(claimed)
    later = again(claimed, harness, lane="ollama/other", **after_failure(claimed))

    completion = await harness.execute(later)

    assert failure.error.class_ == "bad_tool_calls"
    assert [each.role for each in harness.router.asked[4].messages] == ["user", "assistant", "tool"]
    assert harness.router.asked[5].tool_choice == "auto"
    assert len(harness.router.asked[5].messages) == 5
    assert completion.output["text"] == "Done."
    assert completion.usage is not None
    assert completion.usage.derived["calls"]["rejected"] == {"malformed": 1}
    assert completion.output["derived"]["calls"]["rejected"] == {"malformed": 4}
    assert completion.output["invalid_calls"] == 1


@pytest.mark.parametrize("outcome", ["bad_tool_calls", "overloaded"])
async def test_a_redrive_gives_the_same_model_another_chance(outcome: str) -> None:
    """After it was given up; what it did before it was busy counts."""
    claimed = a_loop()
    harness = LoopHarness(bad(1), bad(2), bad(3), says("Done."))
    await harness.failure(claimed)
    history = after_failure(claimed, outcome)

    if outcome == "bad_tool_calls":
        completion = await harness.execute(again(claimed, harness, **history))
        assert completion.output["text"] == "Done."
    else:
        failure = await harness.failure(again(claimed, harness, **history))
        assert failure.error.class_ == "bad_tool_calls"


async def test_rejected_answers_count_for_the_limits() -> None:
    harness = LoopHarness(bad(1), bad(2), says("Enough."))

    completion = await harness.execute(a_loop({"tool_limits": {"turns": 2}}))

    assert harness.router.asked[-1].tool_choice == "none"
    assert completion.output["text"] == "Enough."
    assert completion.usage is not None
    assert completion.usage.cost_usd == Decimal("0.03")


async def test_a_demanded_call_stays_demanded_until_one_can_be_run() -> None:
    harness = LoopHarness(bad(1), calls("a read {}"), says("Done."))

    await harness.execute(a_loop({"tool_choice": "required"}))

    assert [each.tool_choice for each in harness.router.asked] == ["required", "required", "auto"]


async def test_watchers_see_why_a_call_was_rejected() -> None:
    harness = LoopHarness([rejected("a", "theirs", "schema"), TOKENS, CALLS], says("Done."))

    await harness.execute(a_loop(CLIENT_ONLY))
    await harness.hub.flush()

    messages = [each for request in harness.bus.requests for each in request]
    sent = [each for each in messages if each.envelope.type.startswith("TOOL")]
    [returned] = [each.envelope.payload for each in sent]
    assert sent[0].envelope.type == MessageType.TOOL_RESULT
    assert (returned["tool"], returned["status"]) == ("theirs", "error")
    assert returned["rejected"] == "schema"
    assert "A brace is open" in returned["summary"]


async def test_a_call_without_end_is_stored_in_part() -> None:
    """A turn has at most 1 MiB."""
    endless = rejected("a", "read", "truncated", "<tool_call>" + "[" * 3_000_000)
    harness = LoopHarness([endless, TOKENS, CALLS], says("Done."))
    claimed = a_loop()

    completion = await harness.execute(claimed)

    assert completion.output["text"] == "Done."
    assert len(str(harness.store.turns[claimed.subtask_id][0].body)) < 20_000
