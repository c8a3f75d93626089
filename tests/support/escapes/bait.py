"""What an escape would find: sockets, files, processes and variables of this machine."""

import json
import os
import platform
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agents.sandbox.isolation.seccomp import CLONE, MACHINES, REFUSED, UNKNOWN

ROOT: Final = Path(__file__).resolve().parents[3]
VARIABLE: Final = "ESCAPE_SECRET"


@dataclass(frozen=True, slots=True)
class Bait:
    """Things that no run may see, and the interpreter that runs the attempts."""

    python: Path
    readable: tuple[Path, ...]
    token: str
    marker: str
    text: str
    """For the programs."""

    def is_process_left(self) -> bool:
        """Return whether a process that was to stay behind is there."""
        return any(self.marker in line for line in _list_commands())


@contextmanager
def lay_bait() -> Iterator[Bait]:
    """Open sockets, write a secret file, start a process."""
    token, marker = secrets.token_hex(16), f"9{secrets.randbelow(10**9):09d}"
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="bait-")))
        folder.chmod(0o755)
        secret = folder / "secret.txt"
        secret.write_text(token)
        inherited = held.enter_context(secret.open())
        os.set_inheritable(inherited.fileno(), True)
        listeners = [
            _listen(held, socket.AF_INET, ("127.0.0.1", 0)),
            _listen(held, socket.AF_INET, ("0.0.0.0", 0)),  # noqa: S104 - an address for a bait
        ]
        v6 = [_listen(held, socket.AF_INET6, ("::1", 0))] if socket.has_ipv6 else []
        _listen(held, socket.AF_UNIX, str(folder / "socket"))
        _listen(held, socket.AF_UNIX, f"\0{token}")
        process = subprocess.Popen(["sleep", "1000"], env={VARIABLE: token})
        held.callback(process.wait)
        held.callback(process.kill)
        os.environ[VARIABLE] = token  # noqa: TID251 - a variable that must not be passed on
        held.callback(os.environ.pop, VARIABLE)  # noqa: TID251
        python, readable = find_python()
        tools = folder.parent / f"tools-{token}"
        tools.mkdir(mode=0o755)
        held.callback(shutil.rmtree, tools)
        facts = {
            "abstract": token,
            "agent": os.getpid(),
            "calls": list_calls(),
            "folder": str(folder),
            "marker": marker,
            "process": process.pid,
            "readable": [str(each) for each in (*readable, tools)],
            "repository": str(ROOT),
            "secret": str(secret),
            "secret_variable": VARIABLE,
            "setuid": [str(each) for each in _make_setuid(tools)],
            "token": token,
            "unix": str(folder / "socket"),
            "v4": [*listeners, (_find_address(), listeners[1][1])],
            "v6": v6,
        }
        yield Bait(python, (*readable, tools), token, marker, json.dumps(facts))


def find_python() -> tuple[Path, tuple[Path, ...]]:
    """Return an interpreter that this user may run, and the folders that it needs."""
    name = f"python3.{sys.version_info.minor}"
    if (system := Path("/usr/bin") / name).exists():
        return system, ()
    return Path(sys.base_prefix) / "bin" / name, (Path(sys.base_prefix),)


def list_calls() -> dict[str, int]:
    """Return the numbers of system calls on this machine."""
    _, column = MACHINES[platform.machine()]
    numbers = {name: each[column] for name, each in {**REFUSED, **UNKNOWN, "clone": CLONE}.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def _listen(held: ExitStack, family: int, address: object) -> tuple[str, int]:
    listener = held.enter_context(socket.socket(family))
    listener.bind(address)  # type: ignore[arg-type] # each family has its own kind
    listener.listen()
    name = listener.getsockname()
    return (name[0], name[1]) if isinstance(name, tuple) else ("", 0)


def _find_address() -> str:
    """Return an address of this machine that is not loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _make_setuid(folder: Path) -> Sequence[Path]:
    """Return a program that gives the rights of its owner, if this user can make one of use."""
    program = folder / "id"
    shutil.copy(shutil.which("id") or "/usr/bin/id", program)
    program.chmod(0o755 | stat.S_ISUID | stat.S_ISGID)
    return [program]


def _list_commands() -> Iterator[str]:
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            try:
                yield (each / "cmdline").read_bytes().decode(errors="replace")
                yield (each / "comm").read_text()  # a process can rename itself
            except OSError:
                continue
