import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.mark.parametrize(
    "name", ["attack", "bench", "catalogue-check", "chaos", "mutate", "simulate-selection"]
)
def test_a_script_explains_itself(name: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, "--help"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout
