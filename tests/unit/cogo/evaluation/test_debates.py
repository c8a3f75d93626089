"""Debates on questions with known answers: what is right, and what it costs."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.evaluation.debates import KnownQuestion, is_right, load_own_questions, load_questions
from cogo.evaluation.debates.figures import WayOutcome, summarize_way
from cogo.evaluation.debates.recorded import RecordedDebates, find_most_right

SHEEP = KnownQuestion(id="Sheep", text="How many?", answers=("9", "nine"))
COURT = KnownQuestion(id="Court", text="Who?", answers=("Bo",))


def test_our_questions_are_many_and_every_answer_of_theirs_is_right() -> None:
    questions = load_own_questions()

    assert len(questions) >= 30
    assert all(is_right(each, answer) for each in questions for answer in each.answers)
    assert not any(is_right(each, "I do not know") for each in questions)
    assert all("\n" not in each.text and each.prompt.startswith(each.text) for each in questions)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("9", True), ("9.0", True), ("Nine.", True), ("9 sheep", True), ("**9**", True),
        ("$9.00", True), ("9%", True), ("+9", True), ("-9", False), ("90", False), ("0.9", False),
        ("9 or 10", False), ("1/9", False), ("9/1", False), ("9:00", False), ("x9", False),
        ("", False), (None, False), ("ten", False), ("9" * 400, False),
    ],
)  # fmt: skip
def test_an_answer_is_right_by_its_words_or_as_the_only_number(
    answer: str | None, expected: bool
) -> None:
    assert is_right(SHEEP, answer) is expected


def test_words_must_be_the_same() -> None:
    assert is_right(COURT, "bo!")
    assert not is_right(COURT, "Bo or Cy")
    assert not is_right(COURT, "Ada")


def test_questions_are_read_from_a_file_of_prose(tmp_path: Path) -> None:
    file = tmp_path / "mine.md"
    file.write_text(
        "# Mine\n\nSome words.\n\n## One\n\nHow many\nmoons?\n\nAnswer: 2 or two\n\n"
        "## Two\n\nReally?\n\nAnswer: yes\n"
    )

    one, two = load_questions(file)

    assert (one.id, one.text, one.answers) == ("One", "How many moons?", ("2", "two"))
    assert two.answers == ("yes",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing", "has no questions"),
        ("## One\n\nHow many?\n", "One does not end with a line `Answer: ...`"),
        ("## One\n\nAnswer: 2\n\nHow many?\n", "One does not end with"),
        ("## One\n\nAnswer: 2\n", "One has no text"),
        ("## One\n\n?\n\nAnswer: 2\n\n## One\n\n?\n\nAnswer: 2\n", "two questions named One"),
        ("\udcff", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_none_of_questions_is_refused(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    file = tmp_path / "mine.md"
    if text is not None:
        file.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(CommandError, match=problem):
        load_questions(file)


def recorded(*answers: str, against: str = "d") -> RecordedDebates:
    recordings = {m: {"Sheep": each} for m, each in zip("abcd", answers, strict=False)}
    prices = dict.fromkeys("abc", Decimal("0.01")) | {"d": Decimal("0.10")}
    return RecordedDebates(recordings=recordings, prices=prices, against=against)


async def test_an_agreement_costs_three_calls_and_no_judge() -> None:
    outcome = await recorded("9", "9.0", "9", "10").debate(SHEEP)

    assert (outcome.ended, outcome.answer, outcome.calls) == ("agreed", "9", 3)
    assert outcome.cost_usd == pytest.approx(0.03)
    assert outcome.is_right


async def test_of_three_models_two_debate_and_of_two_nobody_decides() -> None:
    three = await recorded("8", "9", "9").debate(SHEEP)
    two = await recorded("8", "9").debate(SHEEP)

    assert (three.ended, three.model, three.calls) == ("decided", "c", 5)
    assert (two.ended, two.answer, two.is_right) == ("undecided", None, False)


async def test_a_debate_that_differs_is_decided_by_the_model_that_did_not_debate() -> None:
    answers = recorded("8", "9", "8", "9")

    outcome = await answers.debate(SHEEP)
    alone = await answers.answer(SHEEP, None)

    assert (outcome.ended, outcome.model, outcome.answer) == ("decided", "d", "9")
    assert outcome.calls == 7
    assert outcome.cost_usd == pytest.approx(0.16)
    assert (alone.answer, alone.calls, alone.cost_usd) == ("9", 1, 0.1)


async def test_what_is_not_recorded_fails_and_is_counted() -> None:
    answers = RecordedDebates(recordings={"a": {}, "b": {}}, against="a")

    outcome, alone = await answers.debate(SHEEP), await answers.answer(SHEEP, None)

    assert outcome.error is not None
    assert outcome.error.startswith("no_recording")
    figures = summarize_way("debate", [outcome])
    assert (figures.failed, figures.right, figures.calls) == (1, 0, 0)
    assert alone.error is not None


def test_the_strongest_is_the_model_with_the_most_right_answers() -> None:
    recordings = {"a": {"Sheep": "8"}, "b": {"Sheep": "9"}, "c": {"Sheep": "nine"}}

    assert find_most_right(recordings, [SHEEP, COURT]) == "b"


def test_figures_know_no_cost_if_one_is_not_known() -> None:
    def one(usd: float | None) -> WayOutcome:
        return WayOutcome(question="q", answer="9", is_right=True, calls=1, cost_usd=usd)

    assert summarize_way("x", [one(0.1), one(0.2)]).cost_usd == pytest.approx(0.3)
    assert summarize_way("x", [one(0.1), one(None)]).cost_usd is None
    assert json.dumps(summarize_way("x", []).share) == "0.0"
