"""Run a benchmark of the tree in the working directory; the argument is its name.

Options are JSON on standard input. Standard output gets a JSON line per figure.
"""

import json
import sys
from pathlib import Path

import cogo
from benchmarks.running import run_benchmark


def main() -> None:
    """Run it."""
    here = Path.cwd().resolve()
    if not Path(cogo.__file__).resolve().is_relative_to(here):
        sys.exit(f"{cogo.__file__} is not of the tree {here}")
    run_benchmark(sys.argv[1], json.load(sys.stdin), lambda figure: print(json.dumps(figure)))


if __name__ == "__main__":
    main()
