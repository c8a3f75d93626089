"""Attempts to get out of the sandbox, by whoever runs the tests and by a user without rights.

Where a machine has no backend nothing is isolated and nothing is run: the tests are skipped.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from protocol.records.agents import SandboxChoice
from tests.support.escapes.bait import ROOT
from tests.support.escapes.trial import KINDS, make_attempts, skip_containers

NOBODY: Final = 65534
SECONDS: Final = 300
BACKENDS: Final = (SandboxChoice.BUBBLEWRAP, SandboxChoice.SANDLOCK)
CONTAINERS: Final = (SandboxChoice.PODMAN, SandboxChoice.DOCKER)
"""As root or as a user of the engine: users without rights have none."""

backends = pytest.mark.parametrize("backend", BACKENDS)
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.parametrize("backend", BACKENDS + CONTAINERS)
@kinds
async def test_nothing_gets_out(backend: SandboxChoice, kind: str) -> None:
    skip_containers(backend)
    found = await make_attempts(backend, kind)

    if found is None:
        pytest.skip(f"{backend} does not work on this machine")
    assert found == []


@backends
@kinds
@pytest.mark.skipif(os.geteuid() != 0, reason="the tests above ran without rights already")
def test_nothing_gets_out_of_a_user_without_rights(backend: SandboxChoice, kind: str) -> None:
    packages = next(each for each in sys.path if each.endswith("site-packages"))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{packages}"}
    done = subprocess.run(
        become_nobody(find_python(), "-m", "tests.support.escapes.trial", backend, kind),
        cwd="/",
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )

    assert done.stdout, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["uid"] == NOBODY
    if answer["found"] is None:
        pytest.skip(f"{backend} does not work for a user without rights: {done.stderr}")
    assert answer["found"] == []


def become_nobody(*command: str) -> list[str]:
    user = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
    return ["setpriv", *user, "--", *command]


def find_python() -> str:
    """Return an interpreter of this version that every user may run."""
    name = f"python3.{sys.version_info.minor}"
    for folder in (Path(sys.base_prefix) / "bin", "/usr/local/bin", "/usr/bin"):
        python = shutil.which(name, path=folder)
        if python is None:
            continue
        probe = become_nobody(python, "-c", "import os, sys; os.stat(sys.executable)")
        if subprocess.run(probe, check=False, capture_output=True).returncode == 0:
            return python
    pytest.skip(f"no {name} that every user may run")
