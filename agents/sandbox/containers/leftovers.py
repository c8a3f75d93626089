"""Containers of agents that were killed."""

import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from agents.sandbox.containers.arguments import Engine

PREFIX: Final = "cogo-sandbox-"
NAME: Final = re.compile(PREFIX + r"([0-9a-f]{12})-([0-9]+)-([0-9]+)-[0-9a-f]{12}")
COMMAND_SECONDS: Final = 30.0
PROGRAMS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build_name() -> str:
    """Return a name for a container that tells which process of which machine it belongs to."""
    start = _read_start(os.getpid())
    return f"{PREFIX}{_identify_machine()}-{os.getpid()}-{start}-{secrets.token_hex(6)}"


def is_left_over(name: str) -> bool:
    """Return whether the process that a container belonged to is gone.

    An engine may have containers of agents that run elsewhere; these are left alone.
    """
    match = NAME.fullmatch(name)
    if match is None or match[1] != _identify_machine():
        return False
    return _read_start(int(match[2])) != int(match[3])


def remove_leftovers(engine: Engine) -> None:
    """End and remove containers whose agent is gone, and their folders."""
    listed = run_engine(
        engine, "ps", "--all", "--filter", f"name={PREFIX}", "--format", "{{.Names}}"
    )
    for name in listed.stdout.decode(errors="replace").split():
        if is_left_over(name):
            remove_container(engine, name)
            shutil.rmtree(build_folder(name), ignore_errors=True)


def remove_container(engine: Engine, name: str) -> None:
    """End a container and remove what the engine knows of it."""
    at_once = ["--time", "0"] if engine.name == "podman" else []
    run_engine(engine, "rm", "--force", "--volumes", *at_once, name)


def build_folder(name: str) -> Path:
    """Return the folder of a container on this machine."""
    return Path(tempfile.gettempdir()) / name


def run_engine(
    engine: Engine, *arguments: str, content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of the engine; one that does not end is a failed one."""
    command: Sequence[str] = engine.build_command(*arguments)
    try:
        return subprocess.run(  # noqa: S603 - our own arguments
            command,
            input=content,
            capture_output=True,
            check=False,
            timeout=COMMAND_SECONDS,
            env=build_engine_environment(),
        )
    except subprocess.TimeoutExpired:
        message = f"{engine.name} {arguments[0]} did not end in {COMMAND_SECONDS:.0f} s"
        return subprocess.CompletedProcess(command, 124, b"", message.encode())


def build_engine_environment() -> Mapping[str, str]:
    """Return the environment of the engine's programs, without what the agent's holds."""
    runtime = Path(f"/run/user/{os.geteuid()}")
    environment = {"PATH": PROGRAMS, "HOME": pwd.getpwuid(os.geteuid()).pw_dir}
    return environment | ({"XDG_RUNTIME_DIR": str(runtime)} if runtime.is_dir() else {})


def _identify_machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    processes = Path("/proc/self/ns/pid").readlink()
    return sha256(f"{boot} {processes}".encode()).hexdigest()[:12]


def _read_start(process: int) -> int:
    """Return when a process started, in the kernel's ticks, or -1 if it is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return -1
    return int(fields[19])
