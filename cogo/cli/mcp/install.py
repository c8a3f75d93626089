"""`cogo mcp install`: the entry of the MCP server in an assistant's settings."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from cogo.cli.mcp.assistants import (
    Assistant,
    SettingsScope,
    build_entry,
    find_settings_file,
    get_group,
)
from cogo.cli.mcp.jsonc import JsoncInvalid, parse_jsonc, set_member
from cogo.cli.mcp.serve import GatewayUrl
from cogo.cli.options import Dir
from cogo.config.context import Project
from cogo.config.settings import config_directory
from cogo.errors import CommandError
from cogo.terminal import command_path, print_line, print_text


def install_mcp(
    assistant: Annotated[Assistant, typer.Argument(help="claude is Claude Code.")],
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write it into the file, of which a copy is kept.")
    ] = False,
    scope: Annotated[
        SettingsScope, typer.Option(help="For all your work, or for this folder.")
    ] = SettingsScope.USER,
    name: Annotated[str, typer.Option(help="Name of the server in the settings.")] = "cogo",
    url: GatewayUrl = None,
    directory: Dir = None,
) -> None:
    """Show or write the entry of the MCP server in an assistant's settings.

    Everything else in the file stays as it is, comments included. With --url the tools are those
    of a gateway; its key stays out of the file: set COGO_API_KEY for the assistant, or write it
    into ~/.config/cogo/.env.

    Examples:
        cogo mcp install claude
        cogo mcp install cursor --write
        cogo mcp install vscode --scope project --url https://cogo.example.com --write
    """
    project = Project.find(directory)
    entry = build_entry(assistant, _find_command(), url=url, home=project.home)
    group = get_group(assistant)
    file = find_settings_file(
        assistant,
        scope,
        home=Path.home(),
        config=config_directory().parent,
        directory=project.directory,
    )
    print_line(json.dumps({group: {name: entry}}, indent=2, ensure_ascii=False))
    if not write:
        print_text(f"add this to {file}, or run this again with --write", err=True)
        return
    print_text(_write(file.resolve(), group, name, entry), err=True)


def _find_command() -> list[str]:
    """Return how a program that has another PATH starts `cogo`."""
    called = shlex.split(command_path())[0]
    found = shutil.which(called)
    return [sys.executable, "-m", "cogo"] if found is None else [str(Path(found).absolute())]


def _write(file: Path, group: str, name: str, entry: object) -> str:
    """Merge the entry into a file; return what was done. Raise CommandError."""
    before = _read(file)
    try:
        after = set_member(before or "", group, name, entry)
        is_known = bool(before) and parse_jsonc(before or "") == parse_jsonc(after)
    except JsoncInvalid as error:
        raise CommandError(
            f"{file} was left as it is: {error}; correct it, or add the entry yourself"
        ) from error
    if is_known:
        return f"{file} has this entry already"
    file.parent.mkdir(parents=True, exist_ok=True)
    backup = _back_up(file) if before is not None else None
    mode = file.stat().st_mode & 0o777 if before is not None else 0o600
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(after.encode())
        if _read(file) != before:
            raise CommandError(f"{file} has just been changed by its program: run this again")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    kept = "" if backup is None else f", of which {backup} is a copy as it was"
    return f"wrote {file}{kept}; restart the assistant"


def _read(file: Path) -> str | None:
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} was left as it is: it is not UTF-8 text") from error


def _back_up(file: Path) -> Path:
    """Copy a file beside it, under a name that is not taken."""
    number = 0
    while (copy := file.with_name(f"{file.name}.bak{number or ''}")).exists():
        number += 1
    shutil.copy2(file, copy)
    return copy
