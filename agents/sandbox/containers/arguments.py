"""What a container engine is told: pure functions from a job to arguments and a script."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.directory import MAX_COLLECTED_BYTES
from agents.sandbox.isolation.launch import EXTRA_DATA_MB
from agents.sandbox.isolation.supervision import MOST_DELAY
from agents.sandbox.isolation.view import (
    SETTINGS,
    STORAGE,
    SYSTEM,
    WORK,
    build_account_files,
    build_environment,
    check_readable,
)
from agents.sandbox.job import MEBIBYTE, InvalidJob, Job

IMAGE: Final = "cogo-sandbox:empty"
"""An image without any file: programs are those of the machine, as in the other backends."""
LABEL: Final = "org.cogo.sandbox"
HELPERS: Final = 3
"""Processes of the script below that run beside the command."""
SETUP_PROCESSES: Final = 16
"""Threads that a runtime needs in the container before it starts anything."""
BLOCK: Final = 512
GRACE_SECONDS: Final = 60
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""Variables that engines give to each container, sometimes with a password."""

SCRIPT: Final = """
exec 3<&0 </dev/null 4>&2 2>/dev/null
head -c "$1" <&3 | tar -xf - -C "$2" 2>&4 && cd "$3" || exit 125
{ read -r word; kill -9 -1; } <&3 >/dev/null 4>&- &
exec 5<"$2/command"; rm "$2/command"
(exec 2>&4 3<&- 4>&-; exec /bin/sh /dev/fd/5)
code=$?
kill -9 -1
printf %s "$4"
"""
"""Unpacks the files, runs the command, ends what it left. When the agent dies, input ends, too."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine and how it is used."""

    name: str
    """`podman` or `docker`."""
    program: Path
    runtime: str = ""
    has_cgroups: bool = True

    @property
    def title(self) -> str:
        """Return the name that stands in results."""
        title = f"{self.name}+{Path(self.runtime).name}" if self.runtime else self.name
        return title if self.has_cgroups else f"{title} without cgroups"

    def build_command(self, *arguments: str) -> list[str]:
        """Return the engine's command line."""
        options = ["--runtime", self.runtime] if self.runtime and self.name == "podman" else []
        return [str(self.program), *options, *arguments]


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """One run: its container, its folder with files of settings, its user, its mark."""

    name: str
    folder: Path
    uid: int
    is_uid_own: bool
    """Whether no other run has this user id, so that its processes can be counted by it."""
    mark: str
    has_profile: bool
    input_bytes: int


def build_run_arguments(engine: Engine, run: ContainerRun, job: Job) -> list[str]:
    """Return the arguments that run a job in a container.

    Raises:
        InvalidJob: A directory that the job needs cannot be shown.
    """
    disk = job.limits.disk_mb
    arguments = ["run", "--interactive", "--name", run.name, "--label", LABEL]
    if engine.runtime and engine.name == "docker":
        arguments += ["--runtime", engine.runtime]
    arguments += ["--pull", "never", "--log-driver", "none"]
    arguments += ["--network", "none", "--hostname", "sandbox", "--read-only"]
    arguments += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    arguments += ["--security-opt", "label=disable"]  # files of the machine keep their labels
    if run.has_profile:
        arguments += ["--security-opt", f"seccomp={run.folder / 'seccomp.json'}"]
    arguments += ["--user", f"{run.uid}:{run.uid}", "--workdir", "/"]
    arguments += ["--oom-score-adj", "1000", "--shm-size", f"{disk}m"]
    arguments += ["--tmpfs", f"{STORAGE}:rw,exec,nosuid,nodev,mode=1777,size={disk}m"]
    arguments += ["--tmpfs", "/sys:ro,noexec,nosuid,nodev,mode=0555,size=4k"]
    if engine.name == "podman":
        arguments += ["--read-only-tmpfs=false", "--no-hosts"]
    arguments += [*_limit(engine, run, job), *_show(run, job)]
    for each in PROXIES:
        arguments += ["--env", f"{each}=", "--env", f"{each.lower()}="]
    seconds = job.limits.wall_seconds * (1 + MOST_DELAY) + GRACE_SECONDS
    arguments += [IMAGE, "timeout", "-s", "KILL", f"{seconds:.0f}"]
    arguments += ["/bin/sh", "-c", build_script(job.collect), run.name]
    return [*arguments, str(run.input_bytes), STORAGE, WORK, run.mark]


def build_command_file(job: Job) -> str:
    """Return the shell script that is a job's command; command lines are seen by all users."""
    environment = [f"{name}={value}" for name, value in build_environment(job).items()]
    words = ["env", "-i", *environment, "/bin/sh", "-c", 'exec "$@"', "sh", *job.command]
    return f"exec 5<&-\nexec {shlex.join(words)}\n"


def _limit(engine: Engine, run: ContainerRun, job: Job) -> list[str]:
    """Return the limits that the kernel enforces; the agent watches over all of them besides."""
    limits = job.limits
    arguments: list[str] = []
    if engine.has_cgroups:
        memory = f"{limits.memory_mb + 2 * limits.disk_mb}m"  # files are in memory
        processes = max(limits.processes, SETUP_PROCESSES) + HELPERS
        arguments += ["--memory", memory, "--memory-swap", memory]
        arguments += ["--pids-limit", str(processes)]
    else:
        arguments += ["--cgroups", "disabled"]
    ulimits = {
        "core": 0,
        "cpu": int(limits.cpu_seconds) + 1,
        "data": (limits.memory_mb * 2 + EXTRA_DATA_MB) * MEBIBYTE,
        "fsize": limits.disk_mb * MEBIBYTE * 2,
        "msgqueue": 0,
        "nofile": limits.open_files,
    }
    if run.is_uid_own:
        ulimits["nproc"] = limits.processes + HELPERS
    for name, value in ulimits.items():
        arguments += ["--ulimit", f"{name}={value}:{value}"]
    return arguments


def _show(run: ContainerRun, job: Job) -> list[str]:
    """Return what the container sees of the machine, all of it read-only."""
    arguments: list[str] = []
    for each in (*SYSTEM, *SETTINGS):
        if Path(each).exists():
            arguments += _mount(each, each)
    for path in check_readable(job.readable):
        arguments += _mount(str(path), str(path))
    for name in build_settings(run.uid):
        arguments += _mount(f"{run.folder}{name}", name)
    return arguments


def build_settings(uid: int) -> dict[str, str]:
    """Return the files of /etc that take the place of the machine's and the engine's."""
    return {**build_account_files(uid), "/etc/hostname": "sandbox\n", "/etc/resolv.conf": ""}


def _mount(source: str, target: str) -> list[str]:
    if any(each in source for each in ',"\n'):
        raise InvalidJob(f"{source} cannot be shown to a container: its name has a comma or quote")
    return ["--mount", f"type=bind,source={source},target={target},readonly"]


def build_script(patterns: Sequence[str]) -> str:
    """Return what runs in the container, which ends by writing the files that are asked for.

    It writes the names of those that are too large, the mark again, and a tar file of the others.
    """
    if not patterns:
        return SCRIPT + "exit $code\n"
    tests = " -o ".join(f"-path {shlex.quote(_escape(each))}" for each in patterns)
    found = f"find . -type f \\( {tests} \\)"
    most = MAX_COLLECTED_BYTES // BLOCK
    return SCRIPT + (
        f"{found} -size +{most} -print0\n"
        'printf %s "$4"\n'
        f"{found} -size -{most + 1} -print0 | tar -cf - --null --no-recursion -T -\n"
        "exit $code\n"
    )


def _escape(pattern: str) -> str:
    return "./" + pattern.replace("\\", "\\\\")
