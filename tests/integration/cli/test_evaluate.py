"""`cogo eval humaneval`: real answers through GENERATE_CODE and the sandbox."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.servers.command_line import cogo, environment, heed_interrupts

DOUBLE = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(x):\n    """Double x.\n    >>> double(2)\n    4\n    """\n',
    "entry_point": "double",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n",
}
EMPTY = {
    "task_id": "HumanEval/1",
    "prompt": 'def is_empty(xs):\n    """Return whether xs is empty."""\n',
    "entry_point": "is_empty",
    "test": "def check(candidate):\n    assert candidate([])\n    assert not candidate([1])\n",
}
ANSWERS = {
    "cheap": ["    return x * x\n", "    return len(xs) > 0\n"],
    "strong": ["    return 2 * x\n", "def is_empty(xs):\n    return not xs\n"],
}
TESTS = [
    ["assert double(2) == 4"],
    ["assert is_empty([]) == True", "assert is_empty('a') == False"],
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """Return the options that name the files."""
    ids = [DOUBLE["task_id"], EMPTY["task_id"]]
    contents: dict[str, list[dict[str, Any]]] = {
        "HumanEval.jsonl": [DOUBLE, EMPTY],
        "answers.jsonl": [
            {"task_id": task_id, "model": model, "completion": completion}
            for model, completions in ANSWERS.items()
            for task_id, completion in zip(ids, completions, strict=True)
        ],
        "tests.jsonl": [
            {"task_id": task_id, "visible_tests": tests}
            for task_id, tests in zip(ids, TESTS, strict=True)
        ],
    }
    for name, lines in contents.items():
        (tmp_path / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return ("--data", ".", "--recorded", "answers.jsonl", "--tests", "tests.jsonl")


def test_models_alone_and_a_chain_are_measured_and_not_measured_twice(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    asked = (*files, "--chain", "cheap,strong", "--price", "cheap=0.01,strong=0.10", "--json")

    ended = cogo(
        "eval", "humaneval", *asked, home=tmp_path, XDG_CACHE_HOME=str(tmp_path / ".cache")
    )
    [kept] = (tmp_path / ".cache" / "cogo" / "eval").iterdir()
    lines = kept.read_text().splitlines()
    again = cogo(
        "eval", "humaneval", *asked, home=tmp_path, XDG_CACHE_HOME=str(tmp_path / ".cache")
    )

    if "no sandbox works here" in ended.stderr:
        pytest.skip(ended.stderr)
    assert ended.returncode == 0, ended.stderr
    figures = {each["configuration"]: each for each in json.loads(ended.stdout)["configurations"]}
    cheap, strong, chain = (figures[name] for name in ("cheap", "strong", "cheap,strong"))
    assert (cheap["correct"], cheap["verified"], cheap["verified_but_wrong"]) == (0, 1, 1)
    assert (strong["correct"], strong["pass_at_1"], strong["verified"]) == (2, 100.0, 2)
    # The visible test does not see that 2 * 2 is also 2 squared, so the cheap answer is kept.
    assert (chain["correct"], chain["verified_but_wrong"]) == (1, 1)
    assert (chain["calls"], chain["cost_usd"], chain["relative_cost"]) == (3, 0.12, 60.0)
    assert chain["skipped"]["repair"] == 1
    assert len(lines) == 6
    assert json.loads(again.stdout) == json.loads(ended.stdout)
    assert kept.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--data", "."), "name either --recorded FILE or --live", 2),
        (("--data", ".", "--recorded", "answers.jsonl", "--live"), "name either", 2),
        (("--data", "nowhere", "--recorded", "answers.jsonl"), "nowhere cannot be read", 2),
        (
            ("--data", ".", "--recorded", "answers.jsonl", "--chain", "cheap,gpt-9"),
            "gpt-9 has no",
            2,
        ),
        (
            ("--data", ".", "--recorded", "answers.jsonl", "--models", "none"),
            "nothing to evaluate",
            2,
        ),
        (("--data", ".", "--recorded", "answers.jsonl", "--price", "cheap"), "--price cheap", 2),
        (
            ("--data", ".", "--recorded", "answers.jsonl", "--price", "cheap=-1"),
            "--price cheap=-1",
            2,
        ),
        (("--data", ".", "--live", "--chain", "a,b"), "--chain needs --recorded", 2),
    ],
)
@pytest.mark.usefixtures("files")
def test_wrong_options_are_one_sentence(
    tmp_path: Path, options: tuple[str, ...], said: str, code: int
) -> None:
    ended = cogo("eval", "humaneval", *options, home=tmp_path)

    assert ended.returncode == code
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def start_evaluation(home: Path, files: tuple[str, ...]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-P", "-m", "cogo", "eval", "humaneval", *files, "--parallel", "1"]
    return subprocess.Popen(
        command,
        cwd=home,
        env=environment(home, XDG_CACHE_HOME=str(home / ".cache")),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    )


async def test_an_interrupted_evaluation_goes_on_where_it_stopped(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    slow = {"task_id": DOUBLE["task_id"], "model": "slow", "completion": "    return 2 * x\n"}
    endless = "import time\ntime.sleep(100)\ndef is_empty(xs):\n    return not xs\n"
    lines = [slow, slow | {"task_id": EMPTY["task_id"], "completion": endless}]
    (tmp_path / "answers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    with start_evaluation(tmp_path, files) as process:
        assert process.stderr is not None
        folder = tmp_path / ".cache" / "cogo" / "eval"

        async def has_begun_or_ended() -> bool:
            return any(folder.glob("*.jsonl")) or process.poll() is not None

        await eventually(has_begun_or_ended)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()

    if "no sandbox works here" in said:
        pytest.skip(said)
    assert process.returncode == 130
    assert "goes on where it stopped" in said
    [file] = folder.glob("*.jsonl")
    [kept] = file.read_text().splitlines()
    assert json.loads(kept)["outcome"]["problem"] == DOUBLE["task_id"]


def test_debates_are_compared_with_one_answer_and_a_wrong_file_is_named(tmp_path: Path) -> None:
    answers = {"a": ["9", "1"], "b": ["9", "2"], "c": ["9.0", "2"], "d": ["8", "2"]}
    (tmp_path / "mine.md").write_text(
        "## Sheep\n\nHow many?\n\nAnswer: 9\n\n## Moons\n\nHow many?\n\nAnswer: 2\n"
    )
    lines = [
        {"task_id": question, "model": model, "completion": answer}
        for model, given in answers.items()
        for question, answer in zip(("Sheep", "Moons"), given, strict=True)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    asked = ("--questions", "mine.md", "--recorded", "answers.jsonl")
    price = ("--price", "a=0.01,b=0.01,c=0.01,d=0.1")

    ended = cogo("eval", "debate", *asked, *price, "--against", "d", "--json", home=tmp_path)
    shown = cogo("eval", "debate", *asked, "--limit", "1", home=tmp_path)
    wrong = cogo("eval", "debate", *asked, "--against", "e", home=tmp_path)

    debate, alone = json.loads(ended.stdout)["figures"]
    assert (debate["right"], debate["calls"], debate["cost_usd"]) == (2, 10, 0.19)
    assert (alone["right"], alone["calls"], alone["cost_usd"]) == (1, 2, 0.2)
    assert "1 agreed at once" in shown.stdout
    assert wrong.returncode != 0
    assert "e has no recorded answers; recorded: a, b, c, d" in wrong.stderr
