"""`cogo trust`: folders whose configuration files count in full."""

from pathlib import Path
from typing import Annotated

import typer
from dotenv import dotenv_values

from cogo.cli.options import AsJson
from cogo.config.sections.check import check_overlay
from cogo.config.settings import config_directory
from cogo.config.trust import (
    ENV_FILE,
    OVERLAY,
    STATE,
    TrustStore,
    read_file,
    split_variables,
)
from cogo.errors import CommandError
from cogo.terminal import print_json, print_line, print_table, print_text
from providers.catalogue.loader import Overlay


def trust(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The folder.", exists=False, show_default="this one"),
    ] = Path(),
    listed: Annotated[bool, typer.Option("--list", help="List trusted folders.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Stop trusting it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Trust the configuration files in a folder.

    Its .env, cogo.toml and .cogo can run commands and modules, decide where keys
    and prompts are sent, and choose what is written, so they count in full only in a trusted
    folder. They are trusted as they are now: a file that changes must be trusted again. The
    environment and ~/.config/cogo are always trusted. A cogo.toml that is not valid TOML is
    refused; unknown keys in it are named.

    Examples:
        cogo trust                   # this folder, with its files as they are now
        cogo trust ~/work/project
        cogo trust --list
        cogo trust --remove ~/work/project
    """
    config = config_directory()
    store = TrustStore.load(config)
    folder = folder.expanduser().resolve()
    if not listed:
        if not remove and not folder.is_dir():
            raise CommandError(f"{folder} is not a folder")
        if remove and store == store.without(folder):
            raise CommandError(f"{folder} is not trusted; `cogo trust --list` lists what is")
        wrong = [] if remove else _check_files(folder)
        try:
            store = store.without(folder) if remove else store.with_folder(folder)
            store.save(config)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}") from error
        for line in wrong:
            print_text(f"warning: {line}", err=True, indent=9)
    if as_json:
        print_json(store.model_dump())
    elif listed:
        rows = [(path, ", ".join(files) or "no files") for path, files in store.folders.items()]
        print_table(("FOLDER", "WITH"), [*rows, *((path, "state") for path in store.states)])
    else:
        print_line(
            f"{folder} is {'no longer' if remove else 'now'} trusted{_format_parts(store, folder)}"
        )


def _check_files(folder: Path) -> list[str]:
    """Return what is wrong in the folder's `cogo.toml`. Raises SettingInvalid: it is no TOML."""
    content = read_file(folder / OVERLAY)
    return [] if content is None else check_overlay(Overlay(str(folder / OVERLAY), content))


def _format_parts(store: TrustStore, folder: Path) -> str:
    parts = [_format_file(folder, name) for name in store.folders.get(str(folder), ())]
    if str(folder / STATE) in store.states:
        parts.append(STATE)
    return f", with {', '.join(parts)}" if parts else ""


def _format_file(folder: Path, name: str) -> str:
    """Return the name of a file, and for `.env` the variables that need trust."""
    if name != ENV_FILE:
        return name
    variables = {key: text for key, text in dotenv_values(folder / name).items() if text}
    names = ", ".join(split_variables(variables)[1])
    return f"{name} ({names})" if names else name
