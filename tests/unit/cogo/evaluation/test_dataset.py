"""Problems and recordings are read from any file, and a wrong line is named."""

import gzip
import json
from pathlib import Path

import pytest

from cogo.errors import CommandError
from cogo.evaluation import load_problems, load_recordings

PROBLEM = {
    "task_id": "HumanEval/0",
    "prompt": 'def double(x):\n    """Double x."""\n',
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
}


def write(path: Path, *lines: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


@pytest.mark.parametrize("name", ["HumanEval.jsonl", "humaneval/HumanEval.jsonl"])
@pytest.mark.parametrize("is_compressed", [True, False])
def test_a_folder_or_a_file_holds_the_problems(
    tmp_path: Path, name: str, is_compressed: bool
) -> None:
    file = write(tmp_path / name, PROBLEM)
    if is_compressed:
        packed = file.with_name(f"{file.name}.gz")
        packed.write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
        file = packed
    tests = write(
        tmp_path / "tests.jsonl", {"task_id": "HumanEval/0", "visible_tests": ["assert 1"]}
    )

    [problem] = load_problems(str(tmp_path), tests=str(tests))

    assert problem.visible_tests == ("assert 1",)
    assert problem.hidden_program.endswith("\n\ncheck(double)\n")
    assert load_problems(str(file))[0].visible_tests == ()


def test_an_answer_is_a_module_or_what_follows_the_prompt(tmp_path: Path) -> None:
    [problem] = load_problems(str(write(tmp_path / "p.jsonl", PROBLEM)))

    whole = "import os\n\ndef double(x):\n    return x + x\n"
    assert problem.build_module(whole) == whole
    assert problem.build_module("    return 2 * x") == problem.prompt + "    return 2 * x"
    nested = "    def double_again(y):\n        return y\n    return double_again(x)"
    assert problem.build_module(nested) == problem.prompt + nested


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "line 1: it is not JSON"),
        (b"\n[]\n", "line 2"),
        (b'{"task_id": "1"}', "line 1: prompt"),
        (json.dumps(PROBLEM | {"entry_point": "os.system('x')"}).encode(), "entry_point"),
        (b"\x1f\x8bxxxx", "not text"),
        (b"\xff\xfe", "not text"),
        (b"", "no problems"),
    ],
)
def test_a_file_that_holds_something_else_is_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "p.jsonl").write_bytes(content)

    with pytest.raises(CommandError, match=said) as refusal:
        load_problems(str(tmp_path / "p.jsonl"))

    assert str(tmp_path) in str(refusal.value)


def test_a_missing_file_or_server_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        load_problems(str(tmp_path / "nowhere.jsonl"))
    with pytest.raises(CommandError, match=r"has no HumanEval\.jsonl"):
        load_problems(str(tmp_path))
    with pytest.raises(CommandError, match="cannot be loaded"):
        load_recordings("http://127.0.0.1:1/answers.jsonl")


def test_recordings_are_kept_by_model_and_none_twice(tmp_path: Path) -> None:
    line = {"task_id": "HumanEval/0", "model": "a", "completion": "x"}
    file = write(tmp_path / "r.jsonl", line, line | {"model": "b"})

    assert load_recordings(str(file)) == {"a": {"HumanEval/0": "x"}, "b": {"HumanEval/0": "x"}}
    with pytest.raises(CommandError, match="two answers of a"):
        load_recordings(str(write(tmp_path / "r.jsonl", line, line)))
