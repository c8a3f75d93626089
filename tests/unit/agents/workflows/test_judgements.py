"""What workflows say of the answers of their steps: tests, reviews, approvals, agreement."""

from typing import Any

import pytest

from agents.workflows.engine import Finished, HandedOver, Repeats, Result, Run, Suspended, workflow
from agents.workflows.generate_code import generate_code
from agents.workflows.one_question import Question, ask_team
from agents.workflows.params import ChatParams
from agents.workflows.swarms.agreement import score_agreement
from cogo.testing import Played, play
from tests.support.agents.scripted_flow import a_report, an_answer, play_flow
from tests.unit.agents.workflows.debates import a_position, a_reply, a_ruling, argued, debated

TESTS = "def test_a(): ..."


def said(outcome: object) -> list[tuple[Any, ...]]:
    """Return the judgements of an end as (step, source, score)."""
    assert isinstance(outcome, Suspended | Finished | HandedOver | Repeats)
    return [(each.step or each.model, each.source, each.score) for each in outcome.judgements]


def test_each_draft_is_judged_by_the_tests_of_the_task() -> None:
    script = {
        "draft": an_answer("bad"), "check": a_report(1, 3),
        "repair": an_answer("good"), "check#2": a_report(3, 3),
    }  # fmt: skip

    played = play_flow(generate_code, script, params={"tests": TESTS})

    assert said(played.end) == [("draft", "run", 0), ("repair", "run", 1)]


def judged_by(verdict: str, tests_by: str | None) -> Played:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Result:
        draft = await run.ask("draft", "Write it.", language="python")
        more = {} if tests_by is None else {"tests_by": tests_by}
        await run.check("check", files={"a.py": "x"}, judges=draft, **more)
        return Result("done")

    report = {"verdict": verdict, "sandbox": "none", "language": "python"}
    return play(flow, answers={"draft": "x", "check": report})


@pytest.mark.parametrize(
    ("verdict", "tests_by", "judged"),
    [
        ("passed", None, ("run", 1)),
        ("timeout", None, ("run", 0)),
        ("passed", "model-t", ("written_tests", 0.9)),
        ("failed", "model-t", ("written_tests", 0.3)),
        ("syntax", "model-t", ("run", 0)),
        ("no_tests", None, None),
        ("unavailable", "model-t", None),
    ],
)
def test_a_verdict_is_a_judgement_of_its_own_strength(
    verdict: str, tests_by: str | None, judged: tuple[str, float] | None
) -> None:
    expected = [] if judged is None else [("draft", *judged)]

    assert said(judged_by(verdict, tests_by).outcome) == expected


def reviewed(review: dict[str, Any], *authors: str, by: str = "critic") -> Played:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Result:
        draft = await run.ask("draft", "Write it.")
        if authors:
            await run.review("review", of=draft.text, not_by=authors)
        else:
            await run.review("review", of=draft)
        return Result("done")

    draft = {"text": "x", "model_used": "author"}
    return play(flow, answers={"draft": draft, "review": {"data": review, "model_used": by}})


AGREES = {"agrees": True, "problems": []}


def test_a_review_judges_the_answer_that_it_is_of() -> None:
    good = reviewed(AGREES)
    bad = reviewed(AGREES | {"problems": ["It is wrong."]})
    text = reviewed(AGREES, "author")

    assert said(good.outcome) == [("draft", "review", 1)]
    assert said(bad.outcome) == [("draft", "review", 0)]
    assert said(text.outcome) == [("author", "review", 1)]
    assert isinstance(good.outcome, Finished)
    assert [each.judge for each in good.outcome.judgements] == ["review"]


def test_a_review_by_the_author_and_one_of_the_work_of_several_judge_nobody() -> None:
    assert said(reviewed(AGREES, by="author").outcome) == []
    assert said(reviewed(AGREES, "author", "other").outcome) == []


@pytest.mark.parametrize(
    ("decision", "judged"),
    [
        ({"approved": False, "by": None}, [("draft", "approval", 0)]),
        ({"approved": True, "via": "http"}, [("draft", "approval", 1)]),
        ({"approved": False, "via": "expiry"}, []),
    ],
)
def test_an_approval_judges_what_a_person_has_seen(
    decision: dict[str, Any], judged: list[Any]
) -> None:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Result:
        draft = await run.ask("draft", "Write it.")
        await run.approve("apply", "Apply it?", judges=draft)
        await run.approve("other", "Go on?")
        return Result("done")

    played = play(flow, answers={"draft": "x", "apply": decision, "other": False})

    assert said(played.outcome) == judged


def test_a_workflow_judges_by_what_it_has_tried_out_and_repeats_it_in_each_replay() -> None:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Result:
        draft = await run.ask("draft", "Write it.")
        run.judge(draft, 0.25)
        run.judge(draft, 1)
        await run.ask("more", "Go on.")
        return Result("done")

    played = play(flow, answers={"draft": "x", "more": "y"})

    assert [said(each) for each in played.suspensions] == [[], [("draft", "run", 0.25)]]
    assert said(played.outcome) == [("draft", "run", 0.25)]


def test_a_score_out_of_range_is_a_mistake_of_the_workflow() -> None:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Result:
        run.judge(await run.ask("draft", "Write it."), 5)
        return Result("done")

    played = play(flow, answers={"draft": "x"})

    assert played.failure is not None
    assert "from 0 to 1" in played.failure.message


def test_what_most_debaters_hold_independently_judges_all_of_them() -> None:
    agreed = debated(a_position("tabs"), a_position("tabs"), a_position("Tabs"))
    divided = argued()
    apart = debated(
        *([a_position(each), a_reply("tabs")] for each in ("one", "two", "three")),
        verdict=a_ruling("Tabs."),
    )

    assert said(agreed.outcome) == [
        ("optimistic", "agreement", 1), ("cautious", "agreement", 1), ("balanced", "agreement", 1),
    ]  # fmt: skip
    assert said(divided.outcome) == [
        ("optimistic", "agreement", 0), ("cautious", "agreement", 1), ("balanced", "agreement", 1),
    ]  # fmt: skip
    assert said(apart.outcome) == []


def test_a_model_that_spoke_for_two_does_not_agree_with_itself() -> None:
    played = debated(
        *(a_position("tabs") | {"model_used": model} for model in ("a", "a", "b")),
    )

    assert said(played.outcome) == []


def test_a_team_whose_answers_are_the_same_is_judged_by_that() -> None:
    @workflow("TRY", params=ChatParams)
    async def flow(run: Run) -> Any:
        return await ask_team(run, Question(prompt="What is 6 x 7?"))

    team = {"models": [{"model": each} for each in ("a", "b", "c")]}
    answers = {"main_1": "42", "main_2": "43", "main_3": "42.0", "main": "42"}

    played = play(flow, answers=answers, decisions={"team": team})

    assert said(played.suspensions[-1] if not played.text else played.outcome) == [
        ("main_1", "agreement", 1), ("main_2", "agreement", 0), ("main_3", "agreement", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "scores"),
    [
        ([], None),
        ([0], None),
        ([0, 1], None),
        ([0, 0], [1, 1]),
        ([0, 1, 1], [0, 1, 1]),
        ([0, 0, 1, 1], None),
        ([0, 0, 1, 1, 1, 2], [0, 0, 1, 1, 1, 0]),
    ],
)
def test_only_a_majority_agrees(groups: list[int], scores: list[float] | None) -> None:
    assert score_agreement(groups) == scores
