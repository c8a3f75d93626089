"""The command behind `scripts/mutate`."""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.mutation.python_mutants import Mutant, run_sample
from tests.mutation.sql_mutants import run_faults

ROOT: Final = Path(__file__).resolve().parents[2]


def run_command(arguments: Sequence[str], *, description: str | None) -> int:
    """Run what the arguments ask for. 0: enough was caught; 1: too much survived; 70: a failure."""
    options = _parser(description).parse_args(arguments)
    try:
        mutants = [
            *(
                []
                if options.sql
                else run_sample(
                    ROOT, size=options.sample, seed=options.seed, only=options.only, say=_tell
                )
            ),
            *([] if options.python else run_faults(ROOT, only=options.only, say=_tell)),
        ]
    except subprocess.CalledProcessError as error:
        _tell(f"{' '.join(map(str, error.cmd[:3]))} ended with {error.returncode}; see above")
        return 70
    except KeyboardInterrupt:
        _tell("stopped; nothing is left running")
        return 130
    if not mutants:
        _tell(f"no mutant is called {options.only!r}")
        return 64
    return _report(mutants, least=options.least)


def _report(mutants: Sequence[Mutant], *, least: float) -> int:
    caught = sum(mutant.is_caught for mutant in mutants)
    for mutant in mutants:
        if not mutant.is_caught:
            print(f"\n{mutant.verdict}: {mutant.name}\n{mutant.diff}")
    share = caught / len(mutants)
    by_verdict = ", ".join(
        f"{count} {verdict}" for verdict, count in Counter(each.verdict for each in mutants).items()
    )
    print(f"\ncaught {caught} of {len(mutants)} ({share:.1%}): {by_verdict}")
    return 0 if share >= least else 1


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/mutate",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--sample", type=int, default=200, help="how many mutants of Python")
    parser.add_argument("--seed", type=int, default=20261128, help="which sample")
    parser.add_argument("--only", default="*", help="a pattern for the names of mutants")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--sql", action="store_true", help="only the faults of the database")
    kinds.add_argument("--python", action="store_true", help="only the mutants of Python")
    parser.add_argument("--least", type=float, default=0.85, help="the share that must be caught")
    return parser


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
