"""Long commands show a bar on a terminal, and nowhere else; after Ctrl-C they say how to go on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from rich.cells import cell_len

from cogo.cli.progress import Bar, open_bar
from embedded.state import State
from tests.integration.cli.conftest import Say
from tests.support.servers.simulator import simulator_process
from tests.support.watching.pseudo_terminal import run_on_terminal, strip_sequences

OWNER: Final = "00000000-0000-4000-8000-000000000009"
BAR: Final = "━"
EMBED: Final = ("embed", "one", "two", "three", "--model", "text-embedding-3-small")
LONG: Final = {
    ("memory", "add", "a.md", "b.md", "c.md"): "3 of 3",
    ("memory", "export", "--out", "memory.jsonl"): "export",
    ("export", OWNER, "--output", "anna.zip"): "public.cogo_",
    ("erase", OWNER, "--yes"): "erase rows",
    (*EMBED, "--keep"): "3 of 3",
    ("models", "test"): "of 2",
    ("models", "discover"): "compare providers",
    ("models", "probe", "no-such-model"): "measure no-such-model",
    ("tasks", "list", "--all"): "read",
    ("audit", "--all"): "read",
    ("tasks", "cancel", "--status", "pending", "--yes"): "find tasks",
    ("migrate",): "apply migrations",
}
"""Commands with something of their bars."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with simulator_process() as url:
        yield url


@pytest.fixture
def cogo(
    cogo: Say, project: State, simulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Say:
    monkeypatch.setenv("SUPABASE_DB_URL", project.db_url)
    monkeypatch.setenv("FIREWORKS_API_KEY", "a-key")
    monkeypatch.setenv("FIREWORKS_API_URL", f"{simulator}/fireworks")
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{simulator}/openai/v1")
    for name in ("a.md", "b.md", "c.md"):
        (tmp_path / name).write_text(f"# {name}\n\nSome text of {name}.\n")
    return cogo


@pytest.mark.parametrize(("line", "part"), LONG.items(), ids=[" ".join(each[:2]) for each in LONG])
def test_a_long_command_shows_a_bar_on_a_terminal_and_none_in_a_pipe(
    cogo: Say, line: tuple[str, ...], part: str
) -> None:
    on_terminal = run_on_terminal(line)
    in_pipe = cogo(*line)

    assert BAR in on_terminal.text
    assert part in on_terminal.text
    assert on_terminal.width <= 80
    assert BAR not in in_pipe[1] + in_pipe[2]


def test_nothing_is_shown_with_json(cogo: Say) -> None:
    shown = run_on_terminal(["tasks", "list", "--all", "--json"])

    assert (shown.code, shown.text) == (0, "[]\n")


def test_ctrl_c_says_what_was_done_and_how_to_go_on(cogo: Say, tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"n{number:03}.md").write_text(f"# {number}\n\nThe text number {number}.\n")

    ended = run_on_terminal(["memory", "add", "n*.md"], ctrl_c_after="2 of 300")
    _, exported, _ = cogo("memory", "list", "--json", "--all")

    assert ended.code == 130
    assert "files; the same command goes on" in ended.text
    assert '"n001.md"' in exported
    assert '"n299.md"' not in exported


def test_an_interrupted_export_leaves_no_archive_and_says_so(
    cogo: Say, project: State, tmp_path: Path
) -> None:
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(project.db_url))
        runner.run(holder.execute("begin; lock table public.cogo_memories"))
        ended = run_on_terminal(
            ["export", OWNER, "--output", "anna.zip"], ctrl_c_after="cogo_memories"
        )
        runner.run(holder.close())

    assert ended.code == 130
    assert "nothing is written to anna.zip" in ended.text
    assert [each.name for each in tmp_path.iterdir() if "anna" in each.name] == []


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_bar_fits_the_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")

    with open_bar("a text that is longer than the whole terminal " * 5, 1_000_000) as bar:
        bar.show(999_999, text="[red]\x1b[2J" + "x" * 300)

    lines = strip_sequences(capsys.readouterr().err.encode()).splitlines()
    assert max(map(cell_len, lines)) <= columns
    assert columns < 80 or any(r"[red]\x1b" in line for line in lines)


def test_after_ctrl_c_a_bar_is_gone_and_its_explanation_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def explain(bar: Bar) -> str:
        return f"interrupted after {bar.done} of {bar.total}"

    with pytest.raises(KeyboardInterrupt), open_bar("work", 7, explain=explain) as bar:
        bar.advance(3)
        raise KeyboardInterrupt

    assert capsys.readouterr().err == "interrupted after 3 of 7\n"
