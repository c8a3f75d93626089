"""COORDINATE: a plan, its parts, tests of the whole, a debate, one revision."""

from typing import Any

import pytest

from agents.workflows.coordinate import coordinate
from agents.workflows.debate import debate
from agents.workflows.engine import StepRequest
from cogo.testing import Played, fail_with, play, play_every_order
from tests.unit.agents.workflows.coordinations import (
    COMMON_TESTS,
    DONE,
    READY,
    SHOP,
    UNFINISHED,
    a_part,
    a_plan,
    coordinated,
    made,
)


def keys(played: Played) -> list[str]:
    return [each.key for each in played.steps]


def get_step(played: Played, key: str) -> StepRequest:
    return next(each for each in played.steps if each.key == key)


def test_parts_are_done_together_tested_by_another_maker_and_debated() -> None:
    played = coordinated(DONE)

    assert keys(played) == [*DONE]
    assert [len(each.steps) for each in played.suspensions] == [1, 2, 1, 0, 1, 1, 1, 1]
    assert get_step(played, "strategy").role == "strategic"
    assert get_step(played, "tests").request["not_by"] == ["coder"]
    together = get_step(played, "together").request
    assert [*together["files"]] == ["prices.py", "shop.py"]  # type: ignore[misc]
    assert together["tests"] == {"test_together.py": COMMON_TESTS["code"]}
    assert together["tests_by"] == "tester"
    assert played.output["verification"]["status"] == "self_tested"
    assert [*played.output["files"]] == ["prices.py", "shop.py"]
    assert played.expect_text().startswith("## guide\n\nUse it.\n\n## prices.py\n\n```python\n")
    assert played.output["notes"] == []
    assert played.output["responses"] == [played.text]
    parts = [(each["agent"], each["role"], each["status"]) for each in played.output["parts"]]
    assert parts == [
        ("strategy", "strategic", "complete"),
        ("implement/prices", "coding", "complete"),
        ("implement/guide", "specialist", "complete"),
        ("implement/shop", "coding", "complete"),
        ("tests", "reviewer", "complete"),
        ("review", "debate", "complete"),
    ]


def test_a_part_sees_the_files_and_interfaces_that_it_needs_and_no_others() -> None:
    plan = a_plan(
        a_part("prices", "code", file="prices.py"),
        a_part("taxes", "code", file="taxes.py"),
        a_part("cart", "code", ["prices"], "cart.py"),
        a_part("till", "code", ["cart"], "till.py"),
    )
    answers = {
        **DONE, "strategy": plan, "implement/taxes": made(taxes__py="RATE = 7\n"),
        "implement/cart": made(cart__py="def cart(): ...\n"),
        "implement/till": made(till__py="def till(): ...\n"),
    }  # fmt: skip

    played = coordinated(answers)

    till = get_step(played, "implement/till").request
    assert (till["type"], till["params"]["target_file"]) == ("GENERATE_CODE", "till.py")  # type: ignore[index,call-overload]
    assert [*till["params"]["files"]] == ["prices.py", "cart.py"]  # type: ignore[index,call-overload,misc]
    prompt = str(till["prompt"])
    assert "Agreed: cart(x)" in prompt
    assert "def cart()" in prompt
    assert "self-tested: 2 of 2 tests passed that t wrote" in prompt
    assert "price(name" not in prompt
    assert "RATE" not in prompt
    assert "files" not in get_step(played, "implement/prices").request["params"]  # type: ignore[operator]


def test_a_part_begins_when_its_own_needs_are_done_while_others_go_on() -> None:
    played = coordinated(
        DONE, order=["strategy", "implement/prices", "implement/shop", "implement/guide"]
    )

    assert keys(played) == [*DONE]
    assert played.output["notes"] == []
    agents = [each["agent"] for each in played.output["parts"]]
    assert agents[1:4] == ["implement/prices", "implement/guide", "implement/shop"]


def test_parts_that_need_each_other_are_begun_together() -> None:
    answers = {
        "strategy": a_plan(a_part("a", needs=["b"]), a_part("b", needs=["a"]), a_part("c")),
        "implement/a": "A", "implement/b": "B", "implement/c": "C", "whole": "W", "review": READY,
    }  # fmt: skip

    played = coordinated(answers)

    assert keys(played)[:4] == ["strategy", "implement/c", "implement/a", "implement/b"]
    assert played.text == "W"


def test_children_and_questions_see_the_sources_of_the_task() -> None:
    hit = {
        "id": "00000000-0000-0000-0000-00000000000a", "kind": "chunk", "source": "law.md",
        "content": "7 % tax.", "score": 1.0,
    }  # fmt: skip

    played = coordinated(DONE | {"sources": [[hit]]}, params={"sources": ["law.md"]})

    def numbers(key: str) -> list[int]:
        params: Any = get_step(played, key).request["params"]
        return [each["n"] for each in params["recalled"]["hits"]]

    for each in ("strategy", "implement/prices", "implement/guide", "review"):
        assert numbers(each) == [1]
    child: Any = get_step(played, "review").request
    inherited = play(debate, params=child["params"], answers=lambda _: fail_with("overloaded"))
    assert "sources" not in keys(inherited)
    shown: Any = get_step(inherited, "optimistic").request["params"]
    assert shown["recalled"]["hits"][0]["content"] == "7 % tax."


def test_a_debate_that_finds_a_problem_has_the_named_file_revised_once_and_checked_again() -> None:
    fixed = "shop.py:\n```python\ndef total(x): return 2\n```"
    answers = {
        **DONE, "review": UNFINISHED, "revision": fixed,
        "together": [DONE["together"], {"verdict": "passed", "total": 1, "passed_tests": 1}],
    }  # fmt: skip

    played = coordinated(answers)

    assert keys(played)[-2:] == ["revision", "together#2"]
    prompt = str(get_step(played, "revision").request["prompt"])
    assert "adds no tax" in prompt
    assert "def total" in prompt
    assert "def price" not in prompt
    assert played.output["files"]["shop.py"] == "def total(x): return 2\n"
    assert "def price" in played.output["files"]["prices.py"]
    assert played.output["notes"] == ["Revised: shop.py."]
    assert played.output["parts"][-1]["agent"] == "revision"


def test_what_the_tests_show_is_repaired_and_a_worse_revision_is_left_out() -> None:
    failure = {"test": "test_shop", "message": "2 != 1 in prices.py"}
    failed = {"verdict": "failed", "total": 2, "passed_tests": 1, "failures": [failure]}
    worse = {"verdict": "crashed", "reason": "no module"}
    revision = "prices.py:\n```python\nraise SystemExit\n```"
    answers = {**DONE, "together": [failed, worse], "revision": revision}

    played = coordinated(answers)

    assert "test_shop: 2 != 1 in prices.py" in str(get_step(played, "revision").request["prompt"])
    assert "def price" in played.output["files"]["prices.py"]
    verification = played.output["verification"]
    assert verification["status"] == "unverified"
    assert verification["checks"][-1]["name"] == "together"
    assert verification["checks"][-1]["passed"] is False
    assert played.output["notes"] == ["The revision was left out: more tests fail with it."]


def test_a_revision_changes_no_tests_and_no_file_without_a_name() -> None:
    text = "```python\nx = 1\n```\n\ntest_together.py:\n```python\ndef test_shop(): pass\n```"
    played = coordinated({**DONE, "review": UNFINISHED, "revision": text})

    assert keys(played)[-1] == "revision"
    assert [*played.output["files"]] == ["prices.py", "shop.py"]
    assert played.output["notes"] == ["The revision has changed no file."]


def test_what_needs_a_part_that_failed_is_left_out_and_all_of_it_stays_visible() -> None:
    answers = {**DONE, "implement/prices": fail_with("budget", "none is left")}

    played = coordinated(answers)

    assert "implement/shop" not in keys(played)
    assert played.text == "Use it."
    assert played.output["notes"] == [
        "prices was not done: none is left", "shop was not done: it needs prices",
    ]  # fmt: skip
    failed = [each for each in played.output["parts"] if each["status"] == "failed"]
    assert [(each["agent"], each["error"]["class"]) for each in failed] == [
        ("implement/prices", "budget")
    ]
    assert "Not done: shop (it needs prices)" in str(get_step(played, "review").request["prompt"])


def test_missing_code_leaves_the_whole_unverified_though_its_tests_pass() -> None:
    played = coordinated({**DONE, "implement/shop": fail_with("timeout", "slow")})

    assert played.output["verification"]["status"] == "unverified"
    assert {"name": "shop", "passed": False, "problem": "slow"} in played.output["verification"][
        "checks"
    ]


@pytest.mark.parametrize(
    ("answers", "decisions", "reason"),
    [
        ({"tests": fail_with("no_model", "nobody else")}, {}, "nobody else"),
        ({"tests": {"text": "no", "code": ""}}, {}, "the tests cannot be used"),
        ({"stub": True}, {}, "the tests that were written pass without the program"),
        ({}, {"sandbox": False}, "no executor has a sandbox for python"),
        ({"together": {"verdict": "unavailable", "reason": "no sandbox"}}, {}, "no sandbox"),
    ],
)
def test_without_tests_of_the_whole_it_is_unverified_with_the_reason(
    answers: dict[str, Any], decisions: dict[str, Any], reason: str
) -> None:
    played = coordinated({**DONE, **answers}, decisions=decisions)

    verification = played.output["verification"]
    assert verification["status"] == "unverified"
    assert verification["reason"] == f"no tests were run of the parts together: {reason}"


def test_tests_by_a_maker_of_the_code_show_less() -> None:
    played = coordinated({**DONE, "tests": COMMON_TESTS | {"derived": {"maker": "maker-c"}}})

    assert played.output["verification"]["status"] == "unverified"


def test_texts_become_one_which_is_debated_and_corrected() -> None:
    answers = {
        "strategy": a_plan(a_part("history"), a_part("outlook", needs=["history"])),
        "implement/history": "It was.", "implement/outlook": "It will be.",
        "whole": {"text": "Both.", "model_used": "m"}, "review": UNFINISHED, "revision": "All.",
    }  # fmt: skip

    played = coordinated(answers)

    assert keys(played) == [*answers]
    assert "It was." in str(get_step(played, "implement/outlook").request["prompt"])
    assert played.text == "All."
    assert [each.key for each in played.steps if each.answer] == ["whole", "revision"]
    assert "verification" not in played.output
    assert "The plan is sequential" in played.output["notes"][0]


def test_without_money_for_what_follows_the_parts_are_handed_over() -> None:
    none = fail_with("budget", "none")
    answers = {
        "strategy": a_plan(a_part("a"), a_part("b")), "implement/a": "A", "implement/b": "B",
        "whole": none, "review": none,
    }  # fmt: skip

    played = coordinated(answers, budget_usd=1)

    assert played.text == "## a\n\nA\n\n## b\n\nB"
    assert played.output["notes"] == [
        "Nobody made one result of the parts: none", "Nobody debated the result: none",
    ]  # fmt: skip


def test_a_revision_that_fails_keeps_what_there_is() -> None:
    played = coordinated({**DONE, "review": UNFINISHED, "revision": fail_with("deadline")})

    assert [*played.output["files"]] == ["prices.py", "shop.py"]
    assert (
        "What was found was not repaired: the task's deadline has passed" in played.output["notes"]
    )


@pytest.mark.parametrize("last", [*DONE][1:])
def test_at_the_deadline_what_there_is_is_handed_over(last: str) -> None:
    late = [*DONE][[*DONE].index(last) :]
    answers = {**DONE, **dict.fromkeys([*late, "revision", "alone"], fail_with("deadline"))}

    played = coordinated(answers)

    if last == "implement/prices":  # nothing was done, so the task fails as its last step did
        assert played.failure is not None
        assert played.failure.error_class == "deadline"
        return
    assert played.text
    assert any("deadline" in note for note in played.output["notes"]) or (
        "deadline" in played.output["verification"]["reason"]
    )


def test_in_whatever_order_parts_end_the_result_is_the_same() -> None:
    texts = {each.text for each in play_every_order(coordinate, prompt="Write.", answers=DONE)}

    assert len(texts) == 1


def test_children_get_shares_of_the_budget_and_the_tasks_wishes() -> None:
    plan = {"data": SHOP, "cost_usd": "0.1"}
    played = coordinated({**DONE, "strategy": plan}, budget_usd=1, params={"cache": False})

    prices = get_step(played, "implement/prices").request
    assert prices["budget_usd"] == "0.128571"  # of 0.9 one of seven shares
    assert prices["params"]["cache"] is False  # type: ignore[index,call-overload]
    assert get_step(played, "review").request["budget_usd"] == "0.466666"


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        ({"strategy": "no JSON"}, "The work was not divided: "),
        (
            {"strategy": a_plan(a_part("a")), "implement/a": fail_with("timeout", "slow")},
            "a was not done: slow",
        ),
    ],
)
def test_work_that_cannot_be_divided_is_done_by_one_model(
    answers: dict[str, Any], note: str
) -> None:
    played = coordinated(answers | {"alone": "W"})

    assert played.text == "W"
    assert played.output["notes"][-1].startswith(note)
    assert [each["agent"] for each in played.output["parts"]] == [*answers, "alone"]
