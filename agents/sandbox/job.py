"""What a sandbox runs, within which limits, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Protocol

MEBIBYTE: Final = 1024 * 1024
MAX_SHOWN: Final = 200
"""Characters of a value that a message repeats."""
MAX_COMMAND_BYTES: Final = 100_000

Hit = Literal["wall", "cpu", "memory", "output", "processes", "disk"]


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Limits of one run. Memory, processes and CPU time are those of all its processes together.

    `output_bytes` of each stream are kept, its beginning and its end; a run that writes many times
    more is killed. `disk_mb` is the size of the only file system that the run can write to.
    """

    wall_seconds: float = 30.0
    cpu_seconds: float = 30.0
    memory_mb: int = 512
    processes: int = 64
    output_bytes: int = MEBIBYTE
    disk_mb: int = 64
    open_files: int = 256


@dataclass(frozen=True, slots=True)
class Job:
    """A command to run in a fresh directory that holds `files`.

    `environment` is all that the command sees beside PATH, HOME, TMPDIR and LANG. `readable` names
    directories outside that the command needs, such as an interpreter; they are seen at the same
    paths. `collect` names files of the directory to read back, as patterns of `fnmatch` in which
    `*` crosses directories.
    """

    command: Sequence[str]
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    limits: RunLimits = RunLimits()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    readable: Sequence[Path] = ()
    collect: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `hit` is the limit that ended it or made it fail.

    `exit_code` is None if a signal ended the command, which `signal` then is.
    """

    backend: str
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    hit: Hit | None = None
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    """What `collect` named."""
    left_out: tuple[str, ...] = ()
    """Files that `collect` named and that were too large or too many to read back."""


def check_job(job: Job) -> None:
    """Raise InvalidJob for what no program can be given."""
    if not job.command:
        raise InvalidJob("a job names a command")
    for text in (*job.command, *job.files, *job.environment, *job.environment.values()):
        if "\0" in text:
            raise InvalidJob(f"{text[:MAX_SHOWN]!r} contains a NUL")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidJob(f"{text[:MAX_SHOWN]!r} is no text that can be encoded") from None
    if sum(len(part.encode()) + 1 for part in job.command) > MAX_COMMAND_BYTES:
        raise InvalidJob("the command is too long: put its text into a file")
    if min(astuple(job.limits)) <= 0:
        raise InvalidJob("every limit is larger than 0")
    for name in job.environment:
        if not name or "=" in name:
            raise InvalidJob(f"{name[:MAX_SHOWN]!r} is no name of an environment variable")


class Sandbox(Protocol):
    """One way to run code that nobody trusts. `name` stands in every result."""

    @property
    def name(self) -> str:
        """Return the name of the backend."""
        ...

    async def run(self, job: Job) -> Outcome:
        """Run a job; when this returns or is cancelled, nothing of it is left.

        Raises:
            InvalidJob: The job names something that no sandbox can do.
            SandboxBroken: The sandbox did not start; the command was not run.
        """
        ...


class InvalidJob(ValueError):
    """A job that no sandbox runs: a path that leads outside, an empty command."""


class SandboxBroken(Exception):
    """The sandbox could not be started; nothing was run."""
