"""Python's toolchain is built when a job needs it, and only then."""

from pathlib import Path

import pytest

from agents.sandbox.job import Job, Outcome, SandboxBroken
from agents.sandbox.python_toolchain import find_python_toolchain
from cogo.wiring.sandbox import SandboxWithPython


class Backend:
    """A sandbox in which every job ends at once."""

    name = "instant"

    async def run(self, job: Job) -> Outcome:
        del job
        return Outcome(backend=self.name, exit_code=0)


async def test_only_jobs_that_read_the_toolchain_build_it(tmp_path: Path) -> None:
    python = find_python_toolchain(tmp_path)
    sandbox = SandboxWithPython(Backend(), tmp_path, python)

    assert (await sandbox.run(Job(command=["node"]))).exit_code == 0
    assert not python.folder.exists()

    await sandbox.run(Job(command=["python"], readable=[python.folder]))
    assert python.folder.is_dir()


async def test_other_jobs_run_where_it_cannot_be_built(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("not a folder")
    python = find_python_toolchain(cache)
    sandbox = SandboxWithPython(Backend(), cache, python)

    assert (await sandbox.run(Job(command=["node"]))).exit_code == 0
    with pytest.raises(SandboxBroken, match="toolchain cannot be built"):
        await sandbox.run(Job(command=["python"], readable=[python.folder]))
