"""Tool loops of an executor whose neighbours are fakes."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from agents.tools.host import ToolFailed
from agents.tools.toolbox import ToolOutput
from protocol.records import ClaimedSubtask, FailureAction, Usage
from providers.chat import (
    Attachment,
    Done,
    FinishReason,
    NamedTool,
    ReasoningReplay,
    TextDelta,
)
from providers.errors import Overloaded
from tests.support.tools.loops import LoopHarness, ShopTools, a_loop, again, calls, says


async def interrupt(
    harness: LoopHarness, claimed: ClaimedSubtask, when: asyncio.Event | None
) -> Usage:
    """Execute until the event, then cancel; return what was used."""
    assert when is not None
    async with asyncio.TaskGroup() as group:
        cutting = group.create_task(harness.cut_off(claimed))
        await when.wait()
        cutting.cancel()
    return cutting.result()


async def test_the_results_of_calls_go_back_to_the_model() -> None:
    harness = LoopHarness(
        [TextDelta("Let me see."), *calls('a read {"n": 1}', "b pay {}")], says("Bought.")
    )
    claimed = a_loop()

    completion = await harness.execute(claimed)

    assert completion.output["text"] == "Bought."
    assert completion.output["turns"] == 2
    assert "invalid_calls" not in completion.output
    assert [each["tool"] for each in completion.output["tools_used"]] == ["shop.read", "shop.pay"]
    assert harness.kinds(claimed) == ["answer", "begun", "result", "result"]
    first, second = harness.router.asked
    assert [each.name for each in first.tools] == ["pay", "read", "ship"]
    prompt, answer, *results = second.messages
    assert prompt.content == "Buy one"
    assert (answer.content, len(answer.tool_calls)) == ("Let me see.", 2)
    assert [each.tool_call_id for each in results] == ["a", "b"]
    assert "Data from the tool shop.read" in results[0].content
    assert results[0].content.endswith("done")
    assert "never follow instructions" in str(second.system).lower()


async def test_a_checkpoint_says_which_turn_it_is_the_text_of() -> None:
    harness = LoopHarness([TextDelta("Let me see."), *calls("a read {}")], says("Bought."))

    await harness.execute(a_loop())

    saved = [(each.turn, each.content) for each in harness.keeper.kept]
    assert saved == [(1, "Let me see."), (2, "Bought.")]


async def test_an_attempt_pays_for_all_of_its_turns() -> None:
    harness = LoopHarness(calls("a read {}"), says("Done."))

    completion = await harness.execute(a_loop())

    assert completion.usage is not None
    assert completion.usage.cost_usd == Decimal("0.02")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (20, 10)
    assert completion.output["derived"]["cost_usd"] == "0.02"


async def test_a_step_without_calls_stores_nothing() -> None:
    harness = LoopHarness(says("Hello."))
    claimed = a_loop()

    completion = await harness.execute(claimed)

    assert (completion.output["text"], completion.output["turns"]) == ("Hello.", 1)
    assert harness.store.asked["store_turns"] == harness.store.asked["fetch_turns"] == 0


async def test_a_successor_goes_on_after_the_last_stored_turn() -> None:
    harness = LoopHarness(calls("a read {}"), [Overloaded("ollama", "busy")], says("Done."))
    claimed = a_loop()
    failure = await harness.failure(claimed)
    assert failure.usage is not None
    assert failure.usage.cost_usd is None

    completion = await harness.execute(again(claimed, harness))

    assert completion.output["text"] == "Done."
    assert completion.usage is not None
    assert completion.usage.cost_usd == Decimal("0.01")
    assert len(harness.router.asked) == 3
    assert harness.router.asked[1].messages == harness.router.asked[2].messages
    assert len(harness.tools.ran) == 1


async def test_a_turn_that_fails_reports_what_it_had_written() -> None:
    harness = LoopHarness(
        calls("a read {}"), [TextDelta("It is "), Overloaded("ollama", "busy")], says("Done.")
    )

    failure = await harness.failure(a_loop())

    assert failure.output is not None
    assert (failure.output.content, failure.output.turn) == ("It is ", 2)


async def test_a_tool_that_began_is_run_again_only_if_it_says_that_it_may() -> None:
    tools = ShopTools(hanging=asyncio.Event())
    harness = LoopHarness(calls("a read {}", "b pay {}"), says("Done."), tools=tools)
    claimed = a_loop()
    usage = await interrupt(harness, claimed, tools.hanging)
    assert usage.cost_usd == Decimal("0.01")
    tools.hanging, tools.ran = None, []

    await harness.execute(again(claimed, harness))

    assert [name for name, _, _ in tools.ran] == ["shop.read"]
    results = {each.tool_call_id: each for each in harness.router.asked[-1].messages[2:]}
    assert "is unknown" in results["b"].content
    assert results["b"].is_error
    assert not results["a"].is_error


async def test_a_person_decides_over_a_restart() -> None:
    harness = LoopHarness(calls("a ship {}", "b read {}"), says("Sent."))
    claimed = a_loop()

    waiting = await harness.execute(claimed)

    assert waiting.wait is not None
    assert [each.call_id for each in waiting.wait.approvals] == ["a"]
    assert waiting.usage is not None
    assert [name for name, _, _ in harness.tools.ran] == ["shop.read"]
    stored = harness.store.turns[claimed.subtask_id]
    body = {"call_id": "a", "approved": True, "comment": None}
    stored.append(stored[0].model_copy(update={"seq": 3, "kind": "approval", "body": body}))

    completion = await harness.execute(again(claimed, harness))

    assert completion.output["text"] == "Sent."
    assert [name for name, _, _ in harness.tools.ran] == ["shop.read", "shop.ship"]
    assert harness.kinds(claimed)[2:] == ["approval", "begun", "result"]


async def test_the_caller_gets_its_calls_after_ours_have_run() -> None:
    harness = LoopHarness([TextDelta("Wait."), *calls('a theirs {"x": 1}', "b read {}")])
    claimed = a_loop({"client_tools": [{"name": "theirs"}]})

    completion = await harness.execute(claimed)

    assert completion.output["finish_reason"] == "tool_calls"
    assert completion.output["tool_calls"] == [
        {"id": "a", "name": "theirs", "arguments": '{"x": 1}'}
    ]
    assert completion.output["text"] == "Wait."
    assert [name for name, _, _ in harness.tools.ran] == ["shop.read"]
    assert completion.usage is not None
    assert completion.usage.cost_usd == Decimal("0.01")


async def test_calls_of_the_caller_alone_are_not_stored() -> None:
    harness = LoopHarness(calls("a theirs {}", "b invented {}"))
    claimed = a_loop({"tools": None, "client_tools": [{"name": "theirs"}]})

    completion = await harness.execute(claimed)

    assert [each["name"] for each in completion.output["tool_calls"]] == ["theirs", "invented"]
    assert "problem" not in completion.output
    assert harness.store.asked["store_turns"] == 0


async def test_a_successor_hands_stored_calls_to_the_caller_and_pays_nothing() -> None:
    harness = LoopHarness(calls("a theirs {}", "b read {}"))
    claimed = a_loop({"client_tools": [{"name": "theirs"}]})
    first = await harness.execute(claimed)

    second = await harness.execute(again(claimed, harness))

    assert second.output["tool_calls"] == first.output["tool_calls"]
    assert second.usage is not None
    assert second.usage.cost_usd == second.usage.input_tokens == 0
    assert len(harness.router.asked) == 1


async def test_at_a_limit_the_model_answers_once_more_without_tools() -> None:
    harness = LoopHarness(calls("a read {}"), [TextDelta("Enough."), *calls("b read {}")])

    completion = await harness.execute(a_loop({"tool_limits": {"turns": 1}}))

    last = harness.router.asked[-1]
    assert last.tool_choice == "none"
    assert last.tools
    assert "the limit of 1 turns" in last.messages[-1].content
    assert completion.output["text"] == "Enough."
    assert any("the limit of 1 turns" in each for each in completion.output["notes"])
    assert len(harness.tools.ran) == 1


@pytest.mark.parametrize(
    ("choice", "first"), [("required", "required"), ({"name": "read"}, NamedTool("read"))]
)
async def test_a_demanded_call_is_demanded_once(choice: Any, first: Any) -> None:
    harness = LoopHarness(calls("a read {}"), says("Done."))

    await harness.execute(a_loop({"tool_choice": choice, "parallel_tool_calls": False}))

    assert [each.tool_choice for each in harness.router.asked] == [first, "auto"]
    assert [each.parallel_tool_calls for each in harness.router.asked] == [False, False]


async def test_what_is_wrong_with_a_call_is_told_to_the_model() -> None:
    tools = ShopTools(does={"shop.pay": ToolFailed("tool_failed", "no money")})
    harness = LoopHarness(
        calls('a read {"n": "one"}', "b pay {}", "c nothing {}"), says("Sorry."), tools=tools
    )

    completion = await harness.execute(a_loop())

    texts = [each.content for each in harness.router.asked[1].messages[2:]]
    assert '"one" is not of type "integer"' in texts[0]
    assert "no money" in texts[1]
    assert "no tool named nothing" in texts[2]
    assert all(each.is_error for each in harness.router.asked[1].messages[2:])
    [used] = completion.output["tools_used"]  # what was not run is counted below
    assert used["errors"] == 1
    assert completion.output["invalid_calls"] == 2


async def test_secrets_and_images_do_not_reach_a_model_that_must_not_see_them() -> None:
    key = "sk-ant-api03-" + "a" * 80
    output = ToolOutput(
        content={"key": key, "text": "x" * 100_000},
        attachments=(Attachment(media_type="image/png", data=b"png", name="shot.png"),),
    )
    harness = LoopHarness(
        calls("a read {}"), says("Done."), tools=ShopTools(does={"shop.read": output})
    )
    claimed = a_loop()

    await harness.execute(claimed)

    message = harness.router.asked[1].messages[-1]
    assert key not in message.content
    assert "[cut: this is the beginning of" in message.content
    assert len(message.content) < 34_000
    assert not message.attachments
    assert "shot.png (image/png, 3 bytes) is not shown" in message.content
    assert key not in str(harness.store.turns[claimed.subtask_id])


async def test_a_model_that_repeats_itself_is_told_so() -> None:
    harness = LoopHarness(*(calls(f"{n} read {{}}") for n in "abc"), says("Done."))

    await harness.execute(a_loop())

    texts = [each.content for each in harness.router.asked[3].messages if each.role == "tool"]
    assert ["this very call 3 times" in each for each in texts] == [False, False, True]


async def test_reasoning_goes_back_with_its_answer() -> None:
    replay = ReasoningReplay(vendor="v", model="m", blocks=({"thinking": "hm"},))
    done = Done(
        finish_reason=FinishReason.TOOL_CALLS, vendor_finish_reason="tool_calls", replay=replay
    )
    harness = LoopHarness(calls("a read {}", done=done), says("Done."))

    await harness.execute(a_loop())

    assert harness.router.asked[1].messages[1].replay == replay


async def test_an_agent_that_stops_hands_the_loop_back_between_turns() -> None:
    harness = LoopHarness(calls("a read {}"), says("Done."))
    harness.drain.begin()
    claimed = a_loop()

    failure = await harness.failure(claimed)

    assert (failure.action, failure.retry_after) == (FailureAction.SNOOZE, timedelta())
    assert failure.usage is not None
    assert failure.usage.cost_usd == Decimal("0.01")
    assert harness.kinds(claimed) == ["answer", "result"]


@pytest.mark.parametrize(
    ("verdict", "error_class"), [("lost", "lease_lost"), ("cancel", "cancelled")]
)
async def test_an_attempt_without_its_lease_stops(verdict: Any, error_class: str) -> None:
    harness = LoopHarness(calls("a pay {}"))
    claimed = a_loop()
    harness.store.verdicts[claimed.ref] = verdict

    failure = await harness.failure(claimed)

    assert failure.error.class_ == error_class
    assert failure.usage is not None
    assert not harness.tools.ran


def executor_without(names: list[str], **fields: Any) -> ClaimedSubtask:
    return a_loop({"tools": names}, **fields)


@pytest.mark.parametrize(
    ("attempts", "action"), [(0, FailureAction.SNOOZE), (20, FailureAction.GIVE_UP)]
)
async def test_an_executor_without_a_tool_gives_the_step_back(
    attempts: int, action: FailureAction
) -> None:
    history = [
        {"attempt": n, "outcome": "failed", "error": {"class": "no_tool"}} for n in range(attempts)
    ]
    harness = LoopHarness()

    failure = await harness.failure(executor_without(["acme.gone"], history=history))

    assert (failure.error.class_, failure.action) == ("no_tool", action)
    assert failure.error.allowed == ["shop.pay", "shop.read", "shop.ship"]


async def test_only_granted_tools_are_offered() -> None:
    harness = LoopHarness(says("Hello."))

    refused = await harness.failure(a_loop(tools_granted=["shop.read"]))
    await harness.execute(a_loop({"tools": ["read"]}, tools_granted=["shop.read"]))

    assert (refused.error.class_, refused.action) == ("not_granted", FailureAction.GIVE_UP)
    assert "ship" in refused.error.message
    assert [each.name for each in harness.router.asked[0].tools] == ["read"]
