"""Container engines that do not work: each says why, and no code is run."""

from pathlib import Path

import pytest

from agents.sandbox import choice
from agents.sandbox.choice import search_sandbox
from protocol.records.agents import SandboxChoice


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(choice, "PROGRAMS", str(tmp_path))
    return tmp_path


def write_engine(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def test_an_engine_that_is_missing(programs: Path) -> None:
    search = await search_sandbox(SandboxChoice.PODMAN)

    assert search.sandbox is None
    assert search.explain() == f"podman is not installed in {programs}"


async def test_a_daemon_that_is_down(programs: Path) -> None:
    write_engine(programs, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')

    search = await search_sandbox(SandboxChoice.DOCKER)

    assert search.sandbox is None
    assert search.explain() == "docker: Cannot connect to the Docker daemon"


async def test_a_runtime_that_the_engine_does_not_know(programs: Path) -> None:
    script = 'case "$1" in run) echo "unknown runtime: nosuch" >&2; exit 125;; esac'
    write_engine(programs, "docker", script)

    search = await search_sandbox(SandboxChoice.DOCKER, "nosuch")

    assert search.sandbox is None
    assert search.explain() == "docker+nosuch: unknown runtime: nosuch"


async def test_an_image_that_cannot_be_made(programs: Path) -> None:
    script = 'case "$*" in *"image inspect"*) exit 1;; *import*) echo "no space" >&2; exit 1;; esac'
    write_engine(programs, "podman", script)

    search = await search_sandbox(SandboxChoice.PODMAN)

    assert search.problems == {"podman": "no space", "podman without cgroups": "no space"}


async def test_containers_are_never_chosen_by_themselves(programs: Path) -> None:
    write_engine(programs, "podman", f"touch {programs}/used")
    write_engine(programs, "docker", f"touch {programs}/used")

    await search_sandbox(SandboxChoice.AUTO)

    assert not (programs / "used").exists()
