"""What `scripts/bench compare` says of two trees: here two states of a tiny repository."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.compare import CannotCompare, compare, format_table, to_json
from benchmarks.compare.statistics import compare_rounds
from tests.support.eventually import eventually

ROOT = Path(__file__).resolve().parents[3]
TOY = """
import asyncio, pathlib
import cogo

async def run(report, *, quick, only=None):
    if (slow := pathlib.Path(only or "")).name == "slow":
        slow.write_text("begun")
        await asyncio.sleep(30)
    for batch in (1, 50):
        facts = {"unit": "us", "batch": batch, "goal_us": batch}
        report({"name": "toy", **facts, "cpu_us": cogo.COST * batch})
    report({"name": "toy_rate", "rate": 100 / cogo.COST, "goal_rate": 1})
"""


def run_git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose commit costs 4 and whose files cost 2."""
    root = tmp_path / "repository"
    shutil.copytree(
        ROOT / "benchmarks" / "compare",
        root / "benchmarks" / "compare",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "benchmarks" / "running.py", root / "benchmarks")
    (root / "benchmarks" / "toy.py").write_text(TOY)
    (root / "cogo").mkdir()
    (root / "cogo" / "__init__.py").write_text("COST = 4.0\n")
    run_git(root, "init", "--quiet")
    run_git(root, "add", "cogo")
    run_git(root, "commit", "--quiet", "--message", "Cost four")
    (root / "cogo" / "__init__.py").write_text("COST = 2.0\n")
    return root


def run_compare(root: Path, *, only: str | None = None, rounds: int = 2) -> int:
    options = {"quick": True, "only": only}
    return compare(root, "HEAD", ["toy"], options, rounds=rounds, as_json=True)


def list_worktrees(root: Path) -> Sequence[str]:
    return run_git(root, "worktree", "list").splitlines()


def list_temporary_folders(folder: Path) -> Sequence[Path]:
    return list(folder.glob("cogo-compare-*"))


def test_this_tree_is_compared_with_the_commit(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_compare(repository) == 0

    told = capsys.readouterr()
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [
        (line["name"], line["facts"], line["metric"], line["base"], line["ratio"], line["verdict"])
        for line in lines
    ] == [
        ("toy", {"batch": 1}, "cpu_us", 4.0, 0.5, "better"),
        ("toy", {"batch": 50}, "cpu_us", 200.0, 0.5, "better"),
        ("toy_rate", {}, "rate", 25.0, 2.0, "better"),
    ]
    assert len(list_worktrees(repository)) == 1


def test_the_trees_take_turns(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_compare(repository, rounds=3)

    order = ["base" in line for line in capsys.readouterr().err.splitlines()]
    assert order == [True, False, False, True, True, False]


def test_an_unknown_base_is_told_with_what_may_be_named(repository: Path) -> None:
    with pytest.raises(CannotCompare, match=r"'v9' is no commit of this clone: .* `git fetch`"):
        compare(repository, "v9", ["toy"], {}, rounds=1, as_json=True)


def test_an_option_is_no_base(repository: Path) -> None:
    with pytest.raises(CannotCompare, match="no commit"):
        compare(repository, "--all", ["toy"], {}, rounds=1, as_json=True)


def test_what_fails_on_the_base_is_quoted(repository: Path) -> None:
    (repository / "cogo" / "__init__.py").write_text("COST = 2.0\nNEW = 1\n")
    with (repository / "benchmarks" / "toy.py").open("a") as toy:
        toy.write("\ncogo.NEW\n")

    with pytest.raises(CannotCompare) as failed:
        run_compare(repository)

    assert "toy ended with 1 on base" in str(failed.value)
    assert "has no attribute 'NEW'" in str(failed.value)
    assert len(list_worktrees(repository)) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_stop_leaves_nothing_behind(
    repository: Path, tmp_path: Path, sent: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    slow = tmp_path / "slow"
    program = (
        "import sys, pathlib, signal\nfrom benchmarks.compare import compare\n"
        # Ignored where the tests run in the background.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"options = {{'quick': True, 'only': {str(slow)!r}}}\n"
        "sys.exit(compare(pathlib.Path.cwd(), 'HEAD', ['toy'], options, rounds=2, as_json=False))"
    )
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=repository, stdout=pipe, stderr=pipe
    )
    await eventually(slow.exists)
    process.send_signal(sent)
    out, err = await process.communicate()

    assert process.returncode == 130
    assert b"stopped" in err
    assert b"Traceback" not in err
    assert out == b"nothing to compare: no number was measured on both trees\n"
    assert len(list_worktrees(repository)) == 1
    assert list_temporary_folders(tmp_path) == []


def test_rounds_that_disagree_show_no_difference() -> None:
    rounds = [
        ([{"name": "call", "p50": base}], [{"name": "call", "p50": this}])
        for base, this in ((10.0, 12.0), (10.0, 9.0), (11.0, 11.0), (9.0, 8.0))
    ]

    [ratio] = compare_rounds(rounds)

    assert ratio.low < 1 < ratio.high
    assert ratio.verdict == "no difference shown"


def test_the_interval_is_that_of_student() -> None:
    """Ratios of 2 and 8 have the mean 4; with one degree of freedom t is 12.706."""
    rounds = [
        ([{"name": "call", "p50": 1.0}], [{"name": "call", "p50": this}]) for this in (2.0, 8.0)
    ]

    [ratio] = compare_rounds(rounds)

    assert ratio.ratio == pytest.approx(4)
    assert ratio.high == pytest.approx(4 * 2**12.706, rel=1e-3)
    assert ratio.low * ratio.high == pytest.approx(16)


def test_one_round_shows_nothing() -> None:
    [ratio] = compare_rounds([([{"name": "call", "p50": 1.0}], [{"name": "call", "p50": 9.0}])])

    assert ratio.verdict == "no difference shown"
    assert (to_json(ratio)["low"], to_json(ratio)["ratio"]) == (None, 9.0)
    assert "one round shows nothing" in format_table([ratio])


def test_what_a_run_lacks_is_left_out() -> None:
    base = [{"name": "a", "p50": 1.0}, {"name": "gone", "p50": 1.0}, {"name": "zero", "cpu_us": 0}]
    this = [{"name": "a", "p50": 2.0}, {"name": "zero", "cpu_us": 3}]

    assert [ratio.name for ratio in compare_rounds([(base, this)])] == ["a"]
