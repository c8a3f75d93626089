"""What a run sees of the machine: the arguments of bubblewrap that build its file system."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from agents.sandbox.job import MEBIBYTE, InvalidJob, Job

STORAGE: Final = "/tmp"  # noqa: S108 - inside of the sandbox
WORK: Final = f"{STORAGE}/job"
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 - inside of the sandbox
SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store")
"""Programs and libraries, links among them as on the machine."""
SETTINGS: Final = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
)
NEVER_READABLE: Final = frozenset(
    {"/", "/boot", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv"}
    | {"/sys", STORAGE, "/var"}
)
BASE_ENVIRONMENT: Final = {
    "HOME": STORAGE,
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "TMPDIR": STORAGE,
}


def build_environment(job: Job) -> dict[str, str]:
    """Return the whole environment of the command."""
    return {**BASE_ENVIRONMENT, **job.environment}


def build_account_files(uid: int) -> dict[str, str]:
    """Return the files of /etc that name the only user there is."""
    return {
        "/etc/group": f"sandbox:x:{uid}:\n",
        "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "/etc/passwd": f"sandbox:x:{uid}:{uid}::{STORAGE}:/bin/sh\n",
    }


def show_system() -> list[str]:
    """Return the arguments that show the system's programs, read-only."""
    arguments: list[str] = []
    for each in (*SYSTEM, *SETTINGS):
        path = Path(each)
        if path.is_symlink() and each in SYSTEM:
            arguments += ["--symlink", str(path.readlink()), each]
        elif path.exists():
            arguments += [*_make_parents(each), "--ro-bind", each, each]
    return arguments


def show_readable(paths: Sequence[Path]) -> list[str]:
    """Return the arguments that show further directories, read-only at their own paths."""
    arguments: list[str] = []
    for path in check_readable(paths):
        arguments += [*_make_parents(str(path)), "--ro-bind", str(path), str(path)]
    return arguments


def check_readable(paths: Sequence[Path]) -> list[Path]:
    """Return the paths that the system does not show anyhow.

    Raises:
        InvalidJob: A path is relative, missing, or holds more than a program needs.
    """
    checked = []
    for path in dict.fromkeys(paths):
        if not path.is_absolute() or ".." in path.parts or str(path) in NEVER_READABLE:
            raise InvalidJob(f"{path} cannot be shown to a sandbox: name the directory it needs")
        if path.is_relative_to(WORK):
            raise InvalidJob(f"{path} is where the files of a job stand")
        if not path.exists():
            raise InvalidJob(f"{path} does not exist")
        if not any(path.is_relative_to(each) for each in SYSTEM):
            checked.append(path)
    return checked


def show_storage(job: Job) -> list[str]:
    """Return the arguments for what the run can write to, and for devices and processes."""
    size = str(job.limits.disk_mb * MEBIBYTE)
    return [
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", size, "--tmpfs", SHARED_MEMORY, "--remount-ro", "/dev"),
        *("--perms", "1777", "--size", size, "--tmpfs", STORAGE),
    ]


def set_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the arguments that set the environment, which is empty before."""
    arguments = ["--clearenv"]
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return arguments


def _make_parents(path: str) -> list[str]:
    """Return the arguments that make the folders above a path, which everybody may pass."""
    parents = [str(each) for each in reversed(PurePosixPath(path).parents)][1:]
    return [
        argument
        for each in parents
        if each != STORAGE
        for argument in ("--perms", "0755", "--dir", each)
    ]
