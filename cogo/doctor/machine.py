"""Checks of this machine: Python, packages, the state directory, ports."""

import os
import platform
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from cogo.config.context import Project
from cogo.doctor.check import Check, missing, note, ok
from embedded.state import is_alive, read_state

OUR_PACKAGES: Final = ("agents", "cogo", "embedded", "gateway", "protocol", "providers")
_OLDEST: Final = (3, 11)
_PORTS: Final = {54321: "the embedded server", 54322: "its Postgres"}


def check_machine(project: Project) -> Iterator[Check]:
    """Look at what lies on this machine; nothing is changed and nothing is asked."""
    yield _python()
    yield _packages()
    yield _home(project.home)
    state = read_state(project.home)
    if project.settings.supabase_url is None and not (state and is_alive(state)):
        yield from _ports()


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info < _OLDEST:
        return missing("python", f"Python {version} is too old", "install Python 3.11 or newer")
    return ok("python", f"Python {version}")


def _packages() -> Check:
    owners = packages_distributions()
    foreign = {
        name: sorted(set(owners.get(name, ())) - {"cogo"})
        for name in OUR_PACKAGES
        if set(owners.get(name, ())) - {"cogo"}
    }
    if foreign:
        found = "; ".join(f"'{name}' also from {', '.join(who)}" for name, who in foreign.items())
        return missing("packages", found, "uv tool install cogo")
    return ok("packages", "no other distribution has packages of our names")


def _home(home: Path) -> Check:
    nearest = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK) or not nearest.is_dir():
        return missing("state directory", f"{home} cannot be written", "export COGO_HOME=~/.cogo")
    return ok("state directory", f"{home}{'' if home.exists() else ' (will be made)'}")


def _ports() -> Iterator[Check]:
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
