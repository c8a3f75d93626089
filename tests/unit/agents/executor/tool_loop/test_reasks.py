"""Answers after which a model is asked once more: cut ones, announced calls, repeated calls."""

from typing import Any

import pytest

from agents.executor.tool_loop.limits import double_tokens
from providers.chat import Event, ToolCall
from providers.errors import Overloaded
from tests.support.agents.executor_harness import CUT
from tests.support.tools.loops import (
    CALLS,
    CLIENT_ONLY,
    TOKENS,
    LoopHarness,
    ShopTools,
    a_loop,
    again,
    announces,
    calls,
    rejected,
    says,
)


def cut(number: int) -> list[Event | Exception]:
    call = ToolCall(id=f"c{number}", name="pay", arguments='{"n": 1')
    return [call, TOKENS, CUT]


@pytest.mark.parametrize(
    ("params", "asked"),
    [
        ({"max_output_tokens": 100}, [100, 200, 200, 200]),
        ({}, [None, 10, 10, 10]),
        ({"max_output_tokens": 100, "tool_limits": {"usd": 0.06}}, [100, 200, 200, 100]),
    ],
)
async def test_a_cut_call_is_asked_for_once_more_with_twice_the_room(
    params: dict[str, Any], asked: list[int | None]
) -> None:
    harness = LoopHarness(cut(1), cut(2), cut(3), cut(4))

    failure = await harness.failure(a_loop(params))

    assert failure.error.class_ == "bad_tool_calls"
    assert [each.max_output_tokens for each in harness.router.asked] == asked
    assert [each.tool_choice for each in harness.router.asked][-1] == "required"
    assert not harness.tools.ran


async def test_a_call_that_breaks_off_by_itself_gets_no_more_room() -> None:
    broken: list[Event | Exception] = [rejected("a", "read", "truncated"), TOKENS, CALLS]
    harness = LoopHarness(broken, broken, broken)

    failure = await harness.failure(a_loop())

    assert failure.error.class_ == "bad_tool_calls"
    assert [each.max_output_tokens for each in harness.router.asked] == [None, None, None]


@pytest.mark.parametrize(
    ("limit", "used", "most", "doubled"),
    [
        (100, 90, None, 200),
        (100, 90, 150, 150),
        (100, 90, 100, 100),
        (None, 90, None, 180),
        (None, None, 150, None),
        (None, 150, 150, None),
    ],
)
def test_no_model_is_asked_for_more_than_it_can_write(
    limit: int | None, used: int | None, most: int | None, doubled: int | None
) -> None:
    assert double_tokens(limit, used=used, most=most) == doubled


@pytest.mark.parametrize("form", ["hermes", "structured"])
async def test_calls_that_were_read_whole_run_although_the_answer_was_cut(form: str) -> None:
    whole = ToolCall(id="a", name="read", arguments="{}", form=form)
    harness = LoopHarness([whole, rejected("b", "pay", "truncated"), TOKENS, CUT], says("Done."))

    completion = await harness.execute(a_loop({"max_output_tokens": 100}))

    assert [name for name, _, _ in harness.tools.ran] == ["shop.read"]
    assert [each.max_output_tokens for each in harness.router.asked] == [100, 200]
    assert completion.output["derived"]["calls"] == {
        "clean": 1, "repaired": 0, "rejected": {"truncated": 1}, "text": 1 + (form != "structured"),
    }  # fmt: skip


@pytest.mark.parametrize("params", [{}, CLIENT_ONLY])
async def test_an_announced_call_is_asked_for_once(params: dict[str, Any]) -> None:
    harness = LoopHarness(announces("read"), announces("read"))
    claimed = a_loop(params)

    completion = await harness.execute(claimed)

    first, second = harness.router.asked
    assert [each.role for each in second.messages] == ["user", "assistant", "user"]
    assert second.messages[-1].content == (
        "You announced read but did not call it: call it, or answer without it."
    )
    assert (first.tool_choice, second.tool_choice) == ("auto", "auto")
    assert completion.output["text"] == "I'll use read with n=1."
    assert [each for each in completion.output["notes"] if "announced a call of read" in each]
    assert completion.output["turns"] == 2
    assert harness.kinds(claimed) == ["answer"]
    assert not harness.tools.ran


async def test_an_announcement_is_followed_by_the_call_even_after_a_death() -> None:
    harness = LoopHarness(
        announces("read"), [Overloaded("ollama", "busy")], calls("a read {}"), says("Done.")
    )
    claimed = a_loop()
    await harness.failure(claimed)

    completion = await harness.execute(again(claimed, harness))

    asked = harness.router.asked
    assert asked[1].messages == asked[2].messages
    assert [each.role for each in asked[3].messages] == [
        "user", "assistant", "user", "assistant", "tool",
    ]  # fmt: skip
    assert completion.output["text"] == "Done."
    assert not [each for each in completion.output["notes"] if "announced" in each]


async def test_a_sentence_about_a_tool_that_has_run_is_no_announcement() -> None:
    harness = LoopHarness(calls("a read {}"), announces("read"))

    completion = await harness.execute(a_loop())

    assert completion.output["turns"] == 2
    assert completion.output["notes"] == []


async def test_an_announcement_is_the_answer_where_nothing_may_be_called() -> None:
    harness = LoopHarness(announces("read"))

    completion = await harness.execute(a_loop({"tool_choice": "none"}))

    assert completion.output["turns"] == 1


async def test_the_same_calls_with_the_same_results_end_at_the_fourth() -> None:
    harness = LoopHarness(*(calls(f"{n} pay {{}}") for n in range(4)), says("Enough."))

    completion = await harness.execute(a_loop())

    assert len(harness.tools.ran) == 3
    last = harness.router.asked[-1]
    results = [each.content for each in last.messages if each.role == "tool"]
    assert "this very call 3 times, and its result was the same" in results[2]
    assert "was not run: you have made this very call" in results[3]
    assert last.tool_choice == "none"
    assert "3 equal answers" in last.messages[-1].content
    assert completion.output["text"] == "Enough."
    assert any("3 equal answers" in each for each in completion.output["notes"])


async def test_a_call_may_be_repeated_while_its_results_differ() -> None:
    class Counting(ShopTools):
        async def run_tool(self, name: str, *given: Any, **more: Any) -> Any:
            self.does[name] = f"{len(self.ran)} of 9 done"
            return await super().run_tool(name, *given, **more)

    harness = LoopHarness(
        *(calls(f"{n} read {{}}") for n in range(9)), says("Done."), tools=Counting()
    )

    completion = await harness.execute(a_loop())

    assert len(harness.tools.ran) == 9
    assert completion.output["text"] == "Done."
    assert "very call" not in str(harness.router.asked[-1].messages)


async def test_repaired_calls_are_counted() -> None:
    mended = ToolCall(id="a", name="read", arguments="{}", form="hermes", repairs=("quotes",))
    harness = LoopHarness([mended, *calls("b pay {}")], says("Done."))

    completion = await harness.execute(a_loop())

    counts = {"clean": 1, "repaired": 1, "rejected": {}, "text": 1}
    assert completion.usage is not None
    assert completion.usage.derived["calls"] == completion.output["derived"]["calls"] == counts


async def test_answers_without_calls_count_none() -> None:
    completion = await LoopHarness(says("Hello.")).execute(a_loop())

    assert completion.usage is not None
    assert "calls" not in completion.usage.derived
