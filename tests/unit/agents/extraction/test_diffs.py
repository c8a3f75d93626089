"""Unified diffs, applied to files."""

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.extraction.diffs import apply_diff, is_diff
from tests.support.eventually import fail_on_hang

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "- x", "++ y", "@@", "\\"]), max_size=12)
TEXT = "".join(f"line {number}\n" for number in range(1, 21))


def build_text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def build_diff(before: str, after: str, context: int = 3) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), "a/x", "b/x", n=context
    )
    return "".join(lines)


@given(before=LINES, after=LINES, context=st.integers(0, 3))
def test_a_diff_makes_of_the_old_file_the_new_one(
    before: list[str], after: list[str], context: int
) -> None:
    old, new = build_text(before), build_text(after)
    diff = build_diff(old, new, context)
    if not diff:
        return

    patched = apply_diff(diff, {"x": old})

    assert not patched.problems
    assert patched.files == {"x": new}


def test_diffs_of_git(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "open.txt").write_text("no newline")
    (tmp_path / "old name.txt").write_text(TEXT)
    (tmp_path / "gone.txt").write_text("x\n")
    before = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    git("add", ".")
    git("commit", "-qm", "x")
    (tmp_path / "a.txt").write_text(TEXT.replace("line 3\n", "").replace("line 18", "line x"))
    (tmp_path / "open.txt").write_text("now with one\n")
    (tmp_path / "old name.txt").rename(tmp_path / "new.txt")
    (tmp_path / "gone.txt").unlink()
    (tmp_path / "added.txt").write_text("y\nz")
    git("add", ".")
    diff = git("diff", "--cached", "-M")

    patched = apply_diff(diff, before)

    assert not patched.problems
    assert sorted(patched.deleted) == ["gone.txt", "old name.txt"]
    after = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    assert patched.files == after


def test_a_hunk_with_wrong_numbers_goes_to_the_only_place_where_it_fits() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -2,9 +2,9 @@ def f():\n line 11\n-line 12\n+line twelve\n\n"

    assert apply_diff(diff, {"x": TEXT}).files == {"x": TEXT.replace("line 12", "line twelve")}
    loose = diff.replace("@@ -2,9 +2,9 @@ def f():", "@@ ... @@")
    assert apply_diff(loose, {"x": TEXT}).files == {"x": TEXT.replace("line 12", "line twelve")}


@pytest.mark.parametrize(
    ("diff", "problem"),
    [
        (
            "--- a/x\n+++ b/x\n@@ -2,2 +2,2 @@\n line 2\n-line drei\n+line 3\n",
            "hunk 1 of x does not fit: line 3 is 'line 3', the diff has 'line drei'",
        ),
        (
            "--- a/x\n+++ b/x\n@@ -20,2 +20,2 @@\n line 20\n-line 21\n+line 3\n",
            "hunk 1 of x does not fit: the file has 20 lines, the diff has 'line 21' after them",
        ),
        (
            "--- a/x\n+++ b/x\n@@ @@\n-line drei\n+line 3\n",
            "hunk 1 of x does not fit: the file has no such lines; the diff has 'line drei'",
        ),
        ("--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n", "the diff changes y, which does not exist"),
        ("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n", "the diff creates x, which exists"),
        (
            "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-line 1\n+b\nline 2\n",
            "the diff of x cannot be read: line 11, 'line 2', is of no hunk",
        ),
        ("--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-a\n+b\n", "inside the repository"),
        ("--- a/x\n+++ b/.git/x\n@@ -1 +1 @@\n-a\n+b\n", ".git folder"),
        ("diff --git a/x b/x\nBinary files a/x and b/x differ\n", "it is binary"),
        ("nothing", "no unified diff"),
    ],
)
def test_what_does_not_fit_is_a_problem_and_leaves_the_file(diff: str, problem: str) -> None:
    good = "--- a/z\n+++ b/z\n@@ -1 +1 @@\n-old\n+new\n" if "+++" in diff else ""

    patched = apply_diff(good + diff, {"x": TEXT, "z": "old\n"})

    assert problem in "\n".join(patched.problems)
    assert patched.files == ({"z": "new\n"} if good else {})


def test_a_hunk_that_fits_in_several_places_is_a_problem() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -9 +9 @@\n-a\n+b\n"

    (problem,) = apply_diff(diff, {"x": "a\nc\na\n"}).problems

    assert problem == "hunk 1 of x fits in several places, such as lines 1 and 3"


def test_a_file_keeps_its_line_endings() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"

    assert apply_diff(diff, {"x": "a\r\nb\r\n"}).files == {"x": "a\r\nc\r\n"}
    assert apply_diff(diff.replace("\n", "\r\n"), {"x": "a\nb\n"}).files == {"x": "a\nc\n"}


def test_only_diffs_are_taken_for_diffs() -> None:
    assert is_diff(build_diff("a\n", "b\n"))
    assert is_diff("\ndiff --git a/x b/x\nnew file mode 100644\n")
    assert not is_diff("--- a list\n+++ of marks\n")
    assert not is_diff("@@ -1 +1 @@\n")


@pytest.mark.parametrize(
    "diff",
    [
        "--- a/x\n+++ b/x\n" + "@@ -1 +1 @@\n-a\n+b\n" * 100_000,
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n" + " a\n" * 100_000 + "-b\n",
        "--- a/x\n+++ b/x\n" * 100_000,
        "diff --git a/x b/x\n" * 100_000,
    ],
)
def test_each_line_is_read_a_few_times_only(diff: str) -> None:
    with fail_on_hang():
        applied = apply_diff(diff, {"x": "a\n" * 20_000})

    assert applied.problems or "@@" not in diff
