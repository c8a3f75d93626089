"""The environment of the Python scripts: the checkout's .venv with the development packages.

It imports only the standard library, since any Python runs it.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # instead of scripts/


def run_in_environment(help_text: str = "") -> None:
    """Install what is missing and run this script again in .venv; return if it runs there.

    With `help_text`, `--help` prints it and ends the script without installing anything. Scripts
    that parse their arguments first need none.
    """
    environment = ROOT / ".venv"
    if Path(sys.prefix) == environment:
        return
    if help_text and {"-h", "--help"} & set(sys.argv[1:]):
        print(help_text.strip())
        sys.exit(0)
    if code := subprocess.call([ROOT / "scripts" / "setup", "--dev"], stdout=sys.stderr):
        sys.exit(code)
    python = str(environment / "bin" / "python")
    os.execv(python, [python, *sys.argv])  # noqa: S606 - this script, in the environment
