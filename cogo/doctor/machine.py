"""Checks of this machine: Python, packages, the state directory, ports, `.env` files."""

import os
import platform
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from cogo import PACKAGES
from cogo.config.context import Project
from cogo.config.settings import find_env_files
from cogo.doctor.check import Check, missing, note, ok
from embedded.state import is_alive, read_state

_OLDEST: Final = (3, 11)
_PORTS: Final = {54321: "the embedded server", 54322: "its Postgres"}
_READABLE_BY_OTHERS: Final = 0o044
_GIT_SECONDS: Final = 10.0
_IS_NOT_IGNORED: Final = 1


def check_machine(project: Project) -> Iterator[Check]:
    """Check this machine, without changes and without requests."""
    yield _check_python()
    yield _check_packages()
    yield _check_home(project.home)
    state = read_state(project.home)
    if project.settings.supabase_url is None and not (state and is_alive(state)):
        yield from _check_ports()


def _check_python() -> Check:
    version = platform.python_version()
    if sys.version_info < _OLDEST:
        return missing("python", f"Python {version} is too old", "install Python 3.11 or newer")
    return ok("python", f"Python {version}")


def _check_packages() -> Check:
    owners = packages_distributions()
    foreign = {
        name: sorted(set(owners.get(name, ())) - {"cogo"})
        for name in PACKAGES
        if set(owners.get(name, ())) - {"cogo"}
    }
    if foreign:
        found = "; ".join(f"'{name}' also from {', '.join(who)}" for name, who in foreign.items())
        return missing("packages", found, "uv tool install cogo")
    return ok("packages", "no other distribution contains packages with our names")


def _check_home(home: Path) -> Check:
    nearest = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK) or not nearest.is_dir():
        return missing("state directory", f"{home} cannot be written", "export COGO_HOME=~/.cogo")
    return ok("state directory", f"{home}{'' if home.exists() else ' (will be created)'}")


def _check_ports() -> Iterator[Check]:
    for port, purpose in _PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                yield note(
                    f"port {port}", f"taken: {purpose} will use the next free one", "cogo up"
                )
            else:
                yield ok(f"port {port}", f"free for {purpose}")


def check_env_files(project: Project) -> Iterator[Check]:
    """Check each `.env` that is read here and contains a key; its values are not shown."""
    for file, has_secrets in find_env_files(project.directory).items():
        if not has_secrets:
            continue
        problems = [*_check_modes(file), *_check_git(file)]
        yield from problems or [ok("env file", f"{file} is private")]


def _check_modes(file: Path) -> Iterator[Check]:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _READABLE_BY_OTHERS:
        detail = f"{file} contains keys, and other users of this machine can read it ({mode:04o})"
        yield note("env file", detail, f"chmod 600 {shlex.quote(str(file))}")


def _check_git(file: Path) -> Iterator[Check]:
    git = shutil.which("git")
    if git is None:
        return
    # The repository is not trusted, so git must not run programs that its configuration names.
    command = [git, "-c", "core.fsmonitor=false", "-C", str(file.parent), "check-ignore", "-q"]
    try:
        done = subprocess.run(  # noqa: S603 - git, with our own arguments
            [*command, "--", file.name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if done.returncode == _IS_NOT_IGNORED:
        detail = f"{file} contains keys, and git does not ignore it"
        ignored = shlex.quote(str(file.parent / ".gitignore"))
        yield note("env file", detail, f"echo {shlex.quote(file.name)} >> {ignored}")
