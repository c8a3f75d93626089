"""The examples of --help: each is a command line that can be typed as it stands."""

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import typer

from cogo.cli.app import build
from cogo.cli.command import split_help
from cogo.cli.commands import COMMANDS, GROUPS
from embedded.state import State
from protocol.records import NewTask
from protocol.transport.supabase_store import open_store
from tests.integration.cli.conftest import Say

TASK: Final = UUID("3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f")
FILES: Final = (
    *("HumanEval.jsonl", "a.py", "add.test.ts", "add.ts", "agents.jsonl", "answer.json"),
    *("answers.csv", "answers.csv.gz", "answers.jsonl", "answers.jsonl.gz", "answers.toml"),
    *("anthropic-november.csv", "bill.csv", "city.json", "error.png", "facts.json", "flows.py"),
    *("letter.txt", "mine.md", "my-vendors.toml", "notes.md", "page.html", "photo.jpg", "plan.md"),
    *("retry.py", "scan.pdf", "search.py", "test_search.py", "visible.jsonl", "handbook.md"),
)
NOT_ENDED: Final = 3
"""Exit code of `cogo show` for a task that has not ended."""
NOT_CONFIGURED: Final = 78
OPERATORS: Final = ("|", "&&", ">", ">>", ";")
ELSEWHERE: Final = {
    # They run until they are ended, start or end servers, or take minutes.
    *("demo", "up", "watch", "serve", "supabase", "mcp serve", "eval", "sandbox"),
    *("approvals list", "columns status", "models serve", "local-model install", "models probe"),
    # They wait for agents, or call vendors and the network.
    *("submit", "run", "swarm", "columns try", "embed", "models pull", "models update"),
    *("models test", "models discover", "tools call", "tools check", "memory add"),
    # They change this machine, or ask a person.
    *("trust", "mcp install", "models rm", "local-model remove", "adopt", "doctor", "approve"),
    *("apply", "diff", "usage reconcile", "tools show"),
}
"""Commands whose examples are read, but not run."""


def list_examples() -> Iterator[tuple[str, str]]:
    for command in COMMANDS:
        for line in split_help(command.load())[1]:
            yield command.path, line


def split_commands(line: str) -> list[list[str]]:
    """Return the arguments of each `cogo` on a command line of a shell."""
    line = re.sub(r'"[^"]*\$\((cogo [^)]*)\)"', r"x ; \1 ;", line)
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    found: list[list[str]] = [[]]
    redirects = False
    for word in lexer:
        if word in OPERATORS:
            redirects = word.startswith(">")
            found.append([])
        elif not redirects:
            found[-1].append(word)
    commands = []
    for words in found:
        while words and re.fullmatch(r"[A-Z_]+=\S+", words[0]):
            del words[0]
        if words and words[0] == "cogo":
            commands.append(words[1:])
    return commands


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files that examples name."""
    for name in FILES:
        (tmp_path / name).write_text("{}" if name.endswith(".json") else "")
    for name in ("humaneval", "src", "notes"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("files")
def test_examples_are_command_lines_that_are_understood() -> None:
    for _, line in list_examples():
        commands = split_commands(line)

        assert commands, line
        assert "..." not in re.sub(r"\b[A-Z_]+=\S+", "", line), line
        for arguments in commands:
            parse(arguments)


def parse(arguments: list[str]) -> None:
    """Parse a command line. Raises an error of click; no command runs."""
    defaults = {group.name: group.default for group in GROUPS}
    default = defaults.get(arguments[0])
    if default and (len(arguments) == 1 or arguments[1].startswith("-")):
        arguments = [arguments[0], default, *arguments[1:]]
    command: Any = typer.main.get_command(build(arguments))
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    command.make_context("cogo", arguments)


def test_examples_of_all_commands_run_on_a_project(
    cogo: Say, files: Path, project: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_DB_URL", project.db_url)
    monkeypatch.setenv("HOME", str(files))
    monkeypatch.setenv("XDG_CACHE_HOME", str(files / ".cache"))

    async def submit() -> None:
        async with open_store(project.url, project.secret_key) as store:
            await store.submit_task(NewTask(id=TASK, type="CHAT", prompt="Hello", stream=False))

    asyncio.run(submit())
    run, refused = 0, {}
    for path, line in list_examples():
        if {path, path.partition(" ")[0]} & ELSEWHERE or "=..." in line:
            continue
        for arguments in split_commands(line):
            if arguments[0] in ELSEWHERE:
                continue
            code, out, err = cogo(*arguments)
            run += code == 0
            # What an example names may not be there, but it must not be typed in a wrong way.
            if code not in {0, 1, NOT_ENDED, NOT_CONFIGURED} or "unexpected" in err:
                refused[" ".join(arguments)] = f"{code}: {out}{err}"

    assert not refused
    assert run > 100
