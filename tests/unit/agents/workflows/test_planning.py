"""Plans: their order, their files, what is shown of them. Pure."""

from typing import Any

import pytest

from agents.workflows.engine import Answer, TaskOutcome
from agents.workflows.planning.blueprint import (
    Blueprint,
    PlannedPiece,
    arrange_pieces,
    make_step_keys,
)
from agents.workflows.planning.interfaces import find_named_files, outline_file, show_files
from agents.workflows.planning.merging import merge_files
from agents.workflows.planning.waves import find_circle, list_needed, list_waves
from agents.workflows.planning.whole import (
    DoneStep,
    choose_test_path,
    combine_verifications,
    find_main_language,
    is_ready,
)


def test_waves_hold_what_can_be_done_at_once() -> None:
    needs = {"d": ["b", "c"], "b": ["a"], "c": ["a", "unknown"], "a": []}

    assert list_waves(needs) == [["a"], ["b", "c"], ["d"]]
    assert list_waves({"a": ["b"], "b": ["a"], "c": []}) == [["c"], ["a", "b"]]
    assert list_waves({"a": ["a"]}) == [["a"]]


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"a": [], "b": ["a"]}, []),
        ({"a": ["a"]}, ["a"]),
        ({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}, ["b", "c"]),
        ({}, []),
    ],
)
def test_a_circle_is_found_whatever_leads_to_it(
    needs: dict[str, list[str]], circle: list[str]
) -> None:
    assert find_circle(needs) == circle


def test_what_a_step_builds_on_is_known_through_others() -> None:
    needs = {"a": [], "b": ["a"], "c": ["b"], "d": []}

    assert list_needed("c", needs) == ["a", "b"]
    assert list_needed("a", {"a": ["b"], "b": ["a"]}) == ["b"]


def a_part(name: str, *needs: str, **more: Any) -> PlannedPiece:
    given = {"instruction": "x", "interface": "", "acceptance": "", "kind": "code", "file": None}
    return PlannedPiece(name=name, needs=list(needs), **given | more)


def arrange(*parts: PlannedPiece) -> Any:
    return arrange_pieces(Blueprint(approach="", parts=list(parts)), "python")


def test_names_become_keys_of_steps() -> None:
    names = ["HTTP API", "http-api", "Überblick!", "***", "plan", "a" * 100]

    assert make_step_keys(names) == [
        "http-api", "http-api-2", "berblick", "part", "plan-1", "a" * 60,
    ]  # fmt: skip


def test_a_blueprint_is_put_in_order_and_what_cannot_be_followed_is_told() -> None:
    plan = arrange(
        a_part("One", "Two", "nobody", "One", file="lib.py"),
        a_part("Two", "One", file="./LIB.py"),
        a_part("Three", file="/etc/passwd"),
        a_part("Four", kind="text", file="four.txt"),
    )

    assert plan.needs == {"one": ["two"], "two": ["one"], "three": [], "four": []}
    assert plan.waves == [["three", "four"], ["one", "two"]]
    files = [each.file for each in plan.pieces.values()]
    assert files == ["lib.py", "two_LIB.py", "three.py", None]
    assert plan.notes[0] == "Two parts were planned as LIB.py; two is written to two_LIB.py."
    assert plan.notes[1].startswith("three is written to three.py: '/etc/passwd' must be")
    assert plan.notes[2] == "Parts that wait for each other are done at once: one, two."


def test_a_plan_of_too_many_parts_is_cut_and_says_so() -> None:
    plan = arrange(*(a_part(f"p{number}") for number in range(30)))

    assert len(plan.pieces) == 8
    assert plan.notes == [
        "At most 8 parts are done; left out: p8, p9, p10, p11, p12, p13, p14, p15."
    ]


def test_files_of_all_steps_are_one_program() -> None:
    merged = merge_files(
        [("a", {"a.py": "1", "same.py": "s"}), ("b", {"b.py": "2", "./same.py": "s"})],
        owners={}, builds_on={},
    )  # fmt: skip

    assert merged.files == {"a.py": "1", "same.py": "s", "b.py": "2"}
    assert merged.notes == []


def test_a_step_may_change_the_files_that_it_builds_on() -> None:
    merged = merge_files(
        [("a", {"x.py": "1"}), ("b", {"x.py": "2"})], owners={}, builds_on={"b": ["a"]}
    )

    assert (merged.files, merged.authors) == ({"x.py": "2"}, {"x.py": "b"})
    assert merged.notes == ["b has changed x.py of a."]


@pytest.mark.parametrize("other", ["x.py", "X.PY", "x.py/y.py"])
def test_of_two_files_with_one_name_the_other_is_kept_beside_it(other: str) -> None:
    merged = merge_files([("a", {"x.py": "1"}), ("b", {other: "2"})], owners={}, builds_on={})

    assert merged.files == {"x.py": "1", f"b/{other}": "2"}
    assert merged.notes == [f"Two steps have made a file {other}; that of b is now b/{other}."]


def test_a_planned_file_belongs_to_its_step_whoever_was_first() -> None:
    merged = merge_files(
        [("a", {"x.py": "1", "b/x.py": "taken"}), ("b", {"x.py": "2"})],
        owners={"x.py": "b"}, builds_on={},
    )  # fmt: skip

    assert merged.files == {"x.py": "2", "b/x.py": "taken", "a/x.py": "1"}


SOURCE = '''"""Doc."""
import os
LIMIT: int = 3
_hidden = 1
NAMES = ["a"]

class Cart(Base):
    """Hold things.

    More.
    """
    size: int
    def __init__(self, x: int = 1) -> None:
        self.x = x
    def _inner(self): ...
    async def pay(self, *, by: str) -> bool:
        """Pay."""
        return True

def total(items, /, *rest):
    return 1
'''


def test_the_outline_of_python_has_what_others_may_use() -> None:
    assert outline_file("a.py", SOURCE).splitlines() == [
        "LIMIT: int", "NAMES = ...", "class Cart(Base):", '    """Hold things."""', "    size: int",
        "    def __init__(self, x: int=1) -> None: ...",
        "    async def pay(self, *, by: str) -> bool: ...",
        '        """Pay."""', "def total(items, /, *rest): ...",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"), [("a.py", "def ("), ("a.rs", "fn main() {}"), ("a.py", "x" * 200_000)]
)
def test_of_other_files_the_beginning_is_shown(path: str, text: str) -> None:
    assert outline_file(path, text).startswith(text[:2_000])
    assert len(outline_file(path, text)) < 2_100


def test_short_files_are_shown_and_long_ones_outlined() -> None:
    long = "def a(): ...\n" + "# x\n" * 100

    shown = show_files({"long.py": long, "short.py": "def b(): ..."}, room=100)

    assert shown.startswith('<outline of="long.py">\ndef a(): ...\n</outline>\n\n<file path="short')


def test_named_files_are_found_by_path_or_name() -> None:
    assert find_named_files(["src/a.py", "b.py"], "see a.py, line 3") == ["src/a.py"]


def test_tests_of_the_whole_take_no_file_of_it() -> None:
    assert find_main_language(["a.py", "b.py", "c.ts", "d.md", "e.json"]) == "python"
    assert find_main_language(["README.md"]) is None
    assert choose_test_path(["Test_Together.py"], "python") == "tests/test_together.py"
    assert choose_test_path(["a.ts"], "typescript") == "together.test.ts"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ready\n\nEvery model agreed, though one said unfinished.", True),
        ("The result is ready.", True),
        ("Unfinished.", False),
        ("It is not ready", False),
        ("Hm.", False),
        ("", False),
    ],
)
def test_a_debate_says_ready_or_something_must_change(text: str, *, expected: bool) -> None:
    assert is_ready(TaskOutcome(text=text)) is expected
    assert is_ready(TaskOutcome(text="?", output={"verdict": {"decision": text}})) is expected


def test_of_code_that_was_not_run_together_the_worst_counts() -> None:
    def done(name: str, status: str | None) -> DoneStep:
        verification = {"verification": {"status": status, "reason": "r"}} if status else {}
        return DoneStep(name=name, value=Answer(text="", output=verification))

    assert combine_verifications([done("a", None)]) is None
    alone = combine_verifications([done("a", None), done("b", "verified")])
    both = combine_verifications([done("a", "self_tested"), done("b", "failed")])
    assert alone is not None
    assert alone["status"] == "verified"
    assert both is not None
    assert both["status"] == "failed"
    assert "b: failed: r" in both["reason"]
