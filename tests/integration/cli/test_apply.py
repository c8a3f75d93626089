"""`cogo diff`, `cogo apply` and `cogo submit --repo` with a task's row and a repository."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from cogo.cli.app import run
from embedded.state import State
from tests.support.sql.agent import Agent, plan_task
from tests.support.sql.database import Database

CODE = "def palindrome(text):\n    return text == text[::-1]\n"


class Said(NamedTuple):
    """The outcome of a command."""

    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(
    project: State,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Say:
    """Run a command in a repository with one commit."""
    config = tmp_path / "gitconfig"
    config.write_text(
        "[user]\n name = Ada\n email = ada@example.org\n[init]\n defaultBranch = main\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", project.secret_key)
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "no.env"))
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    git("init", "--quiet")
    Path("search.py").write_text("def search():\n    return 0\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")

    def call(*arguments: str) -> Said:
        code = run(arguments)
        return Said(code, *capsys.readouterr())

    return call


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def finish_task(project: State, *, prompt: str = "Write it", **result: Any) -> UUID:
    """Insert a task that has completed with a result."""

    async def insert() -> UUID:
        async with AsyncExitStack() as stack:
            agent = Agent(await Database(project.db_url, stack).connect())
            task_id = await plan_task(agent, prompt=prompt)
            [lease] = await agent.claim("model-a")
            assert await agent.complete(lease, output=result) == "ok"
        return UUID(str(task_id))

    return asyncio.run(insert())


def test_a_result_is_shown_and_committed(project: State, say: Say) -> None:
    task_id = finish_task(
        project,
        prompt="Write a palindrome check\nwith tests",
        generated_code=CODE,
        file_path="src/palindrome.py",
        git_branch="feature/palindrome",
        model_used="minimax-m3",
        verification={"status": "verified", "reason": "", "report": {"total": 14}},
        receipt={"sentence": "minimax-m3 passed 14 of 14 at the 2nd attempt, $0.17"},
    )

    shown = say("diff", "last")
    counted = json.loads(say("diff", "last", "--json").out)
    done = json.loads(say("apply", "last", "--json").out)
    again = say("apply", "last")

    assert "+def palindrome(text):" in shown.out
    assert "verified, for new branch feature/palindrome" in shown.err
    assert counted["files"] == [{"path": "src/palindrome.py", "added": 2, "removed": 0}]
    assert git("rev-parse", "feature/palindrome").strip() == done["commit"]
    assert git("show", "feature/palindrome:src/palindrome.py") == CODE
    message = git("log", "-1", "--format=%B", "feature/palindrome")
    assert message.startswith("Write a palindrome check with tests\n")
    assert "passed 14 of 14" in message
    assert f"Cogo-Task: {task_id}" in message
    assert again.code == 0
    assert "has these files already" in again.err
    assert git("status", "--porcelain") == ""


def test_code_that_was_not_tested_is_committed_only_if_asked(project: State, say: Say) -> None:
    finish_task(
        project,
        generated_code=CODE,
        file_path="a.py",
        verification={"status": "unverified", "reason": "no tests were run"},
    )

    refused = say("apply", "last")

    assert refused.code == 1
    assert "unverified: no tests were run; --unverified commits it all the same" in refused.err
    assert git("for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]
    assert say("apply", "last", "--unverified").code == 0
    assert git("for-each-ref", "--format=%(refname)").count("refs/heads/cogo/") == 1


def test_several_files_and_a_path_for_code_without_one(project: State, say: Say) -> None:
    tested = {"status": "self_tested", "reason": "tests by a model"}
    finish_task(
        project, generated_code=CODE, files={"a.py": "a\n", "b/c.py": "c\n"}, verification=tested
    )
    assert say("apply", "last", "--branch", "two").code == 0
    assert git("ls-tree", "-r", "--name-only", "two").split() == ["a.py", "b/c.py", "search.py"]

    finish_task(project, generated_code=CODE, verification=tested)
    assert "--target-file PATH" in say("apply", "last").err
    assert say("apply", "last", "--branch", "one", "--target-file", "d.py").code == 0
    assert git("show", "one:d.py") == CODE


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"text": "hello"}, "has no code"),
        ({"generated_code": "--- a/x\n+++ b/x\n", "file_path": "x"}, "is a diff"),
        ({"generated_code": CODE, "file_path": "../x.py"}, "inside the repository"),
        ({"generated_code": CODE, "file_path": "search.py"}, "was not shown it"),
    ],
)
def test_what_cannot_be_committed_says_why(
    project: State, say: Say, result: dict[str, Any], reason: str
) -> None:
    finish_task(project, **result)

    refused = say("apply", "last", "--unverified")

    assert refused.code == 1
    assert reason in refused.err
    assert git("for-each-ref", "--format=%(refname)").split() == ["refs/heads/main"]


def test_control_characters_of_a_result_are_shown_escaped(project: State, say: Say) -> None:
    finish_task(project, generated_code="x = '\x1b[2J'\n", file_path="a.py")

    shown = say("diff", "last")

    assert "\x1b" not in shown.out
    assert r"\x1b[2J" in shown.out


def test_a_task_is_told_what_stands_in_the_repository(say: Say) -> None:
    options = ("--repo", ".", "--target-file", "search.py", "--branch", "feature/limit")

    sent = json.loads(say("submit", "Add a limit", *options, "--no-wait", "--json").out)

    assert sent["params"] == {
        "git_branch": "feature/limit",
        "target_file": "search.py",
        "code_context": "def search():\n    return 0\n",
    }
    Path(".env").write_text("TOKEN=1\n")
    refused = say("submit", "Add a key", "--repo", ".", "--target-file", ".env")
    assert refused.code == 1
    assert "secrets" in refused.err
