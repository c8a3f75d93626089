"""The page of the command line: every command with its help, options and examples."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from cogo.cli.app import build
from cogo.cli.command import Command, split_help
from cogo.cli.commands import COMMANDS, GROUPS

INTRODUCTION = """\
# Command line

Generated from the commands by `scripts/docs`; do not edit. `cogo COMMAND --help` prints the same.

Every command takes `--help`, and `--debug` to show the traceback of an error. Data commands print
JSON with `--json`. Results go to standard output, everything else to standard error.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | the command failed; a sentence on standard error says why |
| 2 | wrong usage |
| 70 | unexpected error |
| 78 | a setting is missing or invalid |
| 130 | interrupted |

`cogo submit` and `cogo show` also exit with 3 (task not finished) and 4 (task cancelled).
"""


def render_cli_page() -> dict[str, str]:
    """Return the page by its path below `docs/reference/`."""
    parts = [INTRODUCTION, "\n".join(_render_contents())]
    parts += [_render_command(command, level="##") for command in COMMANDS if not command.group]
    for group in GROUPS:
        default = f" `cogo {group.name}` alone runs `{group.default}`." if group.default else ""
        parts.append(f"## cogo {group.name}\n\n{group.summary}{default}\n")
        parts += [
            _render_command(command, level="###")
            for command in COMMANDS
            if command.group == group.name
        ]
    return {"cli.md": "\n".join(parts)}


def _render_contents() -> Iterator[str]:
    yield "| command | |\n|---|---|"
    for each in COMMANDS:
        yield f"| [`cogo {each.path}`](#cogo-{each.path.replace(' ', '-')}) | {each.summary} |"
    yield ""


def _render_command(command: Command, *, level: str) -> str:
    text, examples = split_help(command.load())
    found = _parse(command)
    context = found.context_class(found, info_name=command.name)
    arguments: list[tuple[str, str]] = []
    options: list[tuple[str, str]] = []
    for parameter in found.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != "help":
            is_option = parameter.param_type_name == "option"
            (options if is_option else arguments).append(record)
    lines = [f"{level} cogo {command.path}", "", _escape(text), ""]
    for heading, records in (("argument", arguments), ("option", options)):
        if records:
            lines += [f"| {heading} | |", "|---|---|"]
            lines += [_render_row(name, help_) for name, help_ in records]
            lines.append("")
    return "\n".join([*lines, "```sh", *examples, "```", ""])


def _parse(command: Command) -> Any:
    """Return the command as Typer runs it; its classes have no public types."""
    found: Any = typer.main.get_command(build(command.path.split()))
    for name in command.path.split():
        found = found.commands[name]
    return found


def _render_row(name: str, text: str) -> str:
    code = name.replace("|", r"\|")
    return f"| `{code}` | {_escape(' '.join(text.split()))} |"


def _escape(text: str) -> str:
    """Return text with the characters escaped that mean something in Markdown, except in code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([<|*])", r"\\\1", part) for part in parts
    )
