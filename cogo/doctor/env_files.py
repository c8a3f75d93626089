"""Checks of the `.env` files: who may read the keys in them, and whether git would take them."""

import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cogo.config.context import Project
from cogo.config.settings import env_files
from cogo.doctor.check import Check, note, ok

_READABLE_BY_OTHERS: Final = 0o044
_GIT_SECONDS: Final = 10.0
_IS_NOT_IGNORED: Final = 1


def check_env_files(project: Project) -> Iterator[Check]:
    """Look at each `.env` that is read here and holds a key; its values are not shown."""
    for file, has_secrets in env_files(project.directory).items():
        if not has_secrets:
            continue
        problems = [*_modes(file), *_git(file)]
        yield from problems or [ok("env file", f"{file} is private")]


def _modes(file: Path) -> Iterator[Check]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _READABLE_BY_OTHERS:
        detail = f"{file} holds keys, and other users of this machine can read it ({mode:04o})"
        yield note("env file", detail, f"chmod 600 {shlex.quote(str(file))}")


def _git(file: Path) -> Iterator[Check]:
    git = shutil.which("git")
    if git is None:
        return
    # The repository may be a stranger's: nothing that its configuration names is run.
    command = [git, "-c", "core.fsmonitor=false", "-C", str(file.parent), "check-ignore", "-q"]
    try:
        done = subprocess.run(  # noqa: S603  git, with a name that we chose
            [*command, "--", file.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == _IS_NOT_IGNORED:
        detail = f"{file} holds keys, and git does not ignore it"
        ignored = shlex.quote(str(file.parent / ".gitignore"))
        yield note("env file", detail, f"echo {shlex.quote(file.name)} >> {ignored}")
