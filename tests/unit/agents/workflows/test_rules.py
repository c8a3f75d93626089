"""The rules of workflows: steps, their keys, and several at once."""

import gc
from collections.abc import Callable
from typing import Any, assert_type

import pytest
from pydantic import BaseModel, JsonValue

from agents.sandbox.report import Report
from agents.workflows.engine import (
    Answer,
    Finished,
    NotNeeded,
    Result,
    Run,
    StepFailed,
    Suspended,
    Work,
    advance,
)
from cogo.testing import fail_with, play, play_every_order
from tests.unit.agents.workflows.flows import TASK, a_flow, a_record, a_step, echo, get_failure


@pytest.mark.parametrize("key", ["plan", "a/b", "a#2", "", "x" * 101, "ü", "a b"])
def test_keys_that_the_record_uses_itself_are_refused(key: str) -> None:
    async def flow(run: Run) -> Result:
        return Result((await run.ask(key, "?")).text)

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert error_class == "workflow_error"
    assert message.startswith("test_rules.py:")
    assert "is no key of a step" in message


@pytest.mark.parametrize("name", ["a/b", "", "x" * 101, "was sent", None])
def test_names_that_no_event_can_have_are_refused_where_they_stand(name: Any) -> None:
    async def flow(run: Run) -> Result:
        return Result(str(await run.event("answer", name)))

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert error_class == "workflow_error"
    assert message.startswith("test_rules.py:")
    assert "is no name of an event" in message


def test_a_step_has_files() -> None:
    files: list[str | dict[str, Any]] = [
        "storage:photos/a.png",
        {"url": "https://a.example/b", "type": "image/png"},
    ]

    async def flow(run: Run) -> Result:
        return Result((await run.ask("look", "?", attachments=files)).text)

    async def wrong(run: Run) -> Result:
        return Result((await run.ask("look", "?", attachments=["storage:a.png"])).text)

    (step,) = play(a_flow(flow), answers={"look": "red"}).steps
    error_class, message = get_failure(advance(a_flow(wrong), TASK, a_record()))

    assert step.request["params"] == {"attachments": files}
    assert error_class == "workflow_error"
    assert "step 'look': attachments.0: 'storage:a.png' must be storage:BUCKET/PATH" in message


def test_a_question_says_what_follows_if_nobody_answers() -> None:
    escalate = {"after": 60, "to": "operators"}

    async def flow(run: Run) -> Result:
        await run.approve("plain", "Sure?")
        await run.approve("ok", "Sure?", cost_usd=2, expires_in=3600, escalate=escalate)
        return Result("done")

    async def wrong(run: Run) -> Result:
        await run.approve("ok", "Sure?", expires_in=-1)
        return Result("done")

    plain, full = play(a_flow(flow), answers={"plain": True, "ok": True}).steps
    error_class, message = get_failure(advance(a_flow(wrong), TASK, a_record()))

    assert plain.request == {"question": "Sure?", "show": None, "by": None}
    assert full.request == plain.request | {
        "cost_usd": 2.0, "expires_in": 3600.0, "escalate": {"after": 60.0, "to": "operators"},
    }  # fmt: skip
    assert error_class == "workflow_error"
    assert "step 'ok': expires_in" in message


def test_keys_are_numbered_when_they_are_described() -> None:
    async def flow(run: Run) -> Result:
        one, two = run.ask("draft", "1"), run.ask("draft", "2")
        late = await two
        return Result(late.text + (await one).text)

    played = play(a_flow(flow), answers={"draft": ["one", "two"]})

    assert [(each.key, each.request["prompt"]) for each in played.steps] == [
        ("draft#2", "2"),
        ("draft", "1"),
    ]
    assert played.text == "twoone"


def test_keys_of_branches_are_numbered_in_each_and_nested() -> None:
    async def inner(run: Run) -> str:
        return (await run.ask("draft", "?")).text

    async def outer(run: Run) -> str:
        await run.ask("draft", "?")
        await run.ask("draft", "?")
        return await run.branch("b", inner(run))

    async def flow(run: Run) -> Result:
        await run.all(run.branch("a", outer(run)), run.ask("draft", "?"))
        return Result(await run.branch("a", inner(run)))

    played = play(a_flow(flow), answers=lambda request: request.key)

    assert {each.key for each in played.steps} == {
        "draft", "a/draft", "a/draft#2", "a/b/draft", "a#2/draft",
    }  # fmt: skip


def test_a_step_that_is_described_and_never_awaited_is_an_error_with_its_key() -> None:
    async def flow(run: Run) -> Result:
        run.ask("forgotten", "?")
        return Result("done")

    _, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert message == "step 'forgotten' was described and never awaited"


def test_a_branch_that_is_never_awaited_is_an_error_and_leaves_no_warning() -> None:
    async def part(run: Run) -> None:
        await run.ask("draft", "?")

    async def flow(run: Run) -> Result:
        run.branch("forgotten", part(run))
        return Result("done")

    _, message = get_failure(advance(a_flow(flow), TASK, a_record()))
    gc.collect()  # pytest makes an error of a coroutine that was never awaited

    assert message == "branch 'forgotten' was described and never awaited"


def test_the_value_of_a_step_that_was_not_awaited_is_explained() -> None:
    async def flow(run: Run) -> Result:
        return Result(run.ask("draft", "?").text)  # type: ignore[attr-defined]

    _, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert "await step 'draft'" in message


def test_data_of_an_answer_is_validated_when_it_is_awaited() -> None:
    class Finding(BaseModel):
        line: int

    async def flow(run: Run) -> Result:
        return Result(str((await run.ask("find", "?", schema=Finding)).line))

    found = play(a_flow(flow), answers={"find": {"data": {"line": 3}}})
    fenced = play(a_flow(flow), answers={"find": '```json\n{"line": 4}\n```'})
    wrong = play(a_flow(flow), answers={"find": '{"line": "no"}'})
    prose = play(a_flow(flow), answers={"find": "I found nothing."})

    assert (found.text, fenced.text) == ("3", "4")
    assert get_failure(wrong.outcome)[0] == get_failure(prose.outcome)[0] == "invalid_answer"
    assert "line: " in get_failure(wrong.outcome)[1]


def test_all_waits_for_every_end_and_raises_the_failure_that_was_first() -> None:
    async def flow(run: Run) -> Result:
        await run.all(run.ask("a", "?"), run.ask("b", "?"), run.ask("c", "?"))
        return Result("done")

    answers = {"a": fail_with("one"), "b": "", "c": fail_with("two")}
    played = [play(a_flow(flow), answers=answers, order=each) for each in ("abc", "cba")]

    assert [get_failure(each.outcome)[0] for each in played] == ["one", "two"]
    assert all(len(each.suspensions) == 1 for each in played)


def test_values_have_the_types_of_their_steps() -> None:
    """What mypy knows about them is checked by mypy."""

    async def flow(run: Run) -> Result:
        answer, report, payload = await run.all(
            run.ask("a", "?"), run.check("b", files={}), run.event("c", "news")
        )
        assert_type(answer, Answer)
        assert_type(report, Report)
        assert_type(payload, JsonValue)
        work, value = await run.first(run.ask("d", "?"), run.ask("e", "?"))
        assert_type(work, Work[Answer])
        assert_type(value, Answer)
        assert_type(await run.settled(run.ask("f", "?")), list[Answer | StepFailed])
        return Result(report.summary)

    answers = {"a": "", "b": True, "c": {}, "d": "", "e": "", "f": ""}

    assert play(a_flow(flow), answers=answers).text == "passed (exit code 0)"


def test_settled_has_the_value_or_the_failure_of_each() -> None:
    async def flow(run: Run) -> Result:
        one, two = await run.settled(run.ask("a", "?"), run.ask("b", "?"))
        assert isinstance(one, StepFailed)
        assert isinstance(two, Answer)
        return Result(f"{one.error_class} {two.text}")

    played = play(a_flow(flow), answers={"a": fail_with("refused"), "b": "good"})

    assert played.text == "refused good"


def test_the_first_success_wins_whatever_the_order_and_stays_the_same() -> None:
    async def flow(run: Run) -> Result:
        race = run.first(*(run.ask(key, "?") for key in "abc"))
        work, value = await race
        again = await race
        return Result(f"{work.key} {value.text}" if again == (work, value) else "changed")

    flows = a_flow(flow)
    answers = {"a": fail_with("refused"), "b": "b", "c": "c"}
    played = [play(flows, answers=answers, order=order) for order in ("abc", "acb", "cab")]
    batched = a_record(a_step("c", 1), a_step("b", 2), a_step("a"))

    assert [each.text for each in played] == ["b b", "c c", "c c"]
    assert advance(flows, TASK, batched) == Finished(text="c c")


def test_first_raises_the_failure_that_was_first_if_all_failed() -> None:
    async def flow(run: Run) -> Result:
        await run.first(run.ask("a", "?"), run.ask("b", "?"))
        return Result("done")

    answers = {"a": fail_with("one"), "b": fail_with("two")}

    assert get_failure(play(a_flow(flow), answers=answers, order="ba").outcome)[0] == "two"


def test_losers_are_cancelled_and_awaiting_one_raises_not_needed() -> None:
    async def flow(run: Run) -> Result:
        slow = run.ask("slow", "?")
        await run.first(run.ask("fast", "?"), slow)
        await run.ask("next", "?")
        try:
            await slow
        except NotNeeded as error:
            return Result(f"{error.key} {error.error_class}")
        return Result("awaited")

    played = play(a_flow(flow), answers={"fast": "", "next": ""})
    even_if_it_has_ended = a_record(a_step("fast", 1), a_step("slow", 2), a_step("next", 3))

    assert played.text == "slow not_needed"
    assert [each.cancel for each in played.suspensions] == [[], ["slow"]]
    assert advance(a_flow(flow), TASK, even_if_it_has_ended) == Finished(text="slow not_needed")


def test_steps_of_losing_branches_are_cancelled_nested_ones_too() -> None:
    async def deep(run: Run) -> str:
        return (await run.ask("deep", "?")).text

    async def slow(run: Run) -> str:
        values = await run.all(run.ask("draft", "?"), run.branch("in", deep(run)))
        return str(values)

    async def fast(run: Run) -> str:
        return (await run.ask("draft", "?")).text

    async def flow(run: Run) -> Result:
        branch, _ = await run.first(run.branch("slow", slow(run)), run.branch("fast", fast(run)))
        await run.ask("next", "?")
        return Result(branch.key)

    played = play(a_flow(flow), answers=lambda request: request.key, order=["fast/draft"])

    assert sorted(played.suspensions[-1].cancel) == ["slow/draft", "slow/in/deep"]
    assert played.text == "fast"


def test_a_mistake_in_a_branch_is_not_taken_for_a_failed_step() -> None:
    async def wrong(run: Run) -> str:
        return str(1 // 0)

    async def right(run: Run) -> str:
        return (await run.ask("draft", "?")).text

    async def flow(run: Run) -> Result:
        await run.first(run.branch("a", wrong(run)), run.branch("b", right(run)))
        return Result("hidden")

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert error_class == "workflow_error"
    assert "ZeroDivisionError" in message


@pytest.mark.parametrize(
    ("how", "awaits", "wait"),
    [
        (lambda run, a, b, c: run.all(a, b, c), ["a", "b", "c"], "all"),
        (lambda run, a, b, c: run.settled(a, run.all(b, c)), ["a", "b", "c"], "all"),
        (lambda run, a, b, c: run.first(a, b, c), ["a", "b", "c"], "any"),
        (lambda run, a, b, c: run.all(c, run.first(a, b)), ["a", "b"], "any"),
        (lambda run, a, b, c: run.first(c, run.all(a, b)), ["c", "a"], "any"),
    ],
)
def test_a_flow_is_woken_only_by_ends_after_which_it_can_go_on(
    how: Callable[..., Work[Any]], awaits: list[str], wait: str
) -> None:
    async def flow(run: Run) -> Result:
        await how(run, *(run.ask(key, "?") for key in "abc"))
        return Result("done")

    outcome = advance(a_flow(flow), TASK, a_record())

    assert isinstance(outcome, Suspended)
    assert ({*outcome.awaits}, outcome.wait) == ({*awaits}, wait)
    assert {each.key for each in outcome.steps} == {*"abc"}
    assert all(each.text == "done" for each in play_every_order(a_flow(flow), answers=echo))
