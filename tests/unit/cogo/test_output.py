"""Output fits the terminal, and the commands that it recommends work."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from cogo.cli.commands import COMMANDS
from cogo.config.settings import CHECKOUT
from cogo.terminal import (
    command_path,
    expand_commands,
    expand_example,
    lay_out_table,
    shorten,
    wrap_line,
    wrap_sentence,
)

HEADINGS = ("TASK", "TYPE", "MODEL", "PROMPT")
ROWS = [
    ("3f2a9c1e", "GENERATE_CODE", "fireworks/qwen3p8-max", "Write a function that adds 数字"),
    ("0b1c2d3e", "CHAT", "claude-sonnet-5-5", "internationalization takes words"),
]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("brief", [True, False])
def test_a_table_fits_the_terminal_without_cutting_words(width: int, brief: bool) -> None:
    lines, missing = lay_out_table(HEADINGS, ROWS, drop=("TYPE", "MODEL"), brief=brief, width=width)

    cells = {cell for row in (HEADINGS, *ROWS) for cell in row}
    words = {word for cell in cells for word in cell.split()}
    longest = max(map(len, words))
    assert max(map(cell_len, lines)) <= max(width, longest + len("3f2a9c1e  "))
    assert {word.removesuffix("...") for line in lines for word in line.split()} <= words | {""}
    assert set(missing) <= {"TYPE", "MODEL"}


def test_columns_leave_a_narrow_table_by_importance_and_are_named() -> None:
    by_width = [
        lay_out_table(HEADINGS, ROWS, drop=("TYPE", "MODEL"), width=w)[1] for w in (99, 64, 50)
    ]

    assert by_width == [[], ["TYPE"], ["TYPE", "MODEL"]]


def test_without_a_terminal_a_table_has_everything_on_one_line_a_row() -> None:
    lines, missing = lay_out_table(HEADINGS, ROWS, drop=("TYPE",), width=None)

    assert len(lines) == 1 + len(ROWS)
    assert not missing
    assert all(cell in line for row, line in zip(ROWS, lines[1:], strict=True) for cell in row)


def test_sentences_are_wrapped_between_words_and_indented() -> None:
    assert wrap_line("  3f2a  stamped because it is cheap", 20, 6).splitlines() == [
        "  3f2a  stamped",
        "        because it",
        "        is cheap",
    ]
    assert (
        wrap_line("https://example.com/a/long/address", 10) == "https://example.com/a/long/address"
    )
    assert shorten("one  two\nthree", 10) == "one two..."


def test_a_command_in_a_sentence_is_not_broken() -> None:
    said = "no gateway runs: `'/a folder/scripts/cogo' up --no-key` starts one, once and for all"

    lines = wrap_sentence(said, 30, 2).splitlines()

    assert any("`'/a folder/scripts/cogo' up --no-key`" in line for line in lines)
    assert " ".join(line.strip() for line in lines) == said
    assert [line for line in lines if len(line) > 30 and "`" not in line] == []
    assert len(lines) > 2


def test_commands_to_type_are_the_launcher_as_it_was_called_and_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COGO_COMMAND", f"{tmp_path}/my tools/cogo")

    launcher = f"'{tmp_path}/my tools/cogo'"
    assert command_path() == launcher
    assert expand_commands("see `cogo models` and `cogo`, not cogo") == (
        f"see `{launcher} models` and `{launcher}`, not cogo"
    )
    assert expand_example("KEY=... cogo serve executor  # cogo") == (
        f"KEY=... {launcher} serve executor  # cogo"
    )


def test_a_launcher_that_the_search_path_finds_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = tmp_path / "cogo"
    launcher.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("COGO_COMMAND", str(launcher))

    assert command_path() == "cogo"


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that are neither docstrings nor examples of help."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Constant(value=str() as text):
                yield node.lineno, text
            case _:
                yield from _texts(node)


def test_commands_in_messages_stand_in_backquotes_and_are_printed_as_typed() -> None:
    names = {command.group or command.name for command in COMMANDS}
    unmarked = re.compile(rf"(?<![`\w./-])cogo ({'|'.join(sorted(names))})\b")
    whole = re.compile(rf"{unmarked.pattern}( [\w-]+)*")
    wrong = []
    for package in ("agents", "cogo", "gateway", "protocol"):
        for path in (CHECKOUT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            wrong += [
                f"{path}:{line} has no backquotes: {text}"
                for line, text in _texts(tree)
                # A whole command is a name, or the cure of a check, which is printed as typed.
                if unmarked.search(text) and not whole.fullmatch(text)
            ]
            wrong += [
                f"{path}:{line} is printed by print_line: {text}"
                for call in ast.walk(tree)
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "print_line"
                for line, text in _texts(call)
                if "`cogo " in text
            ]

    assert not wrong
