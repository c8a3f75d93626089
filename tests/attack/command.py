"""The command behind `scripts/attack`."""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Xml

from rich.console import Console
from rich.table import Table

from tests.attack.areas import AREAS, HOSTILE_ROWS
from tests.support.hostile_rows.attack import Project, run_attack
from tests.support.servers.postgres import state_directory
from tests.support.servers.system import running_system

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one area: how many laws or rows were tried, and the holes found."""

    area: str
    tried: int
    holes: tuple[str, ...]
    seconds: float


def run_command(arguments: Sequence[str], *, description: str | None) -> int:
    """Run what the arguments ask for. 0: no hole; 1: a hole; 70: an area in which nothing ran."""
    options = _parser(description).parse_args(arguments)
    results = []
    try:
        for area in [options.only] if options.only else AREAS:
            print(f"{area} ...", file=sys.stderr, flush=True)
            results.append(_attack(area, rows=options.rows, seed=options.seed))
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps([_as_json(each) for each in results], indent=2))
    else:
        _print(results)
    if any(each.holes for each in results):
        return 1
    return 0 if all(each.tried for each in results) else 70


def _attack(area: str, *, rows: int, seed: int) -> Result:
    started = time.monotonic()
    tried, holes = _insert_rows(rows, seed) if area == HOSTILE_ROWS else _run_laws(AREAS[area])
    return Result(area, tried, tuple(holes), time.monotonic() - started)


def _insert_rows(rows: int, seed: int) -> tuple[int, list[str]]:
    with state_directory() as home, running_system(home) as system:
        project = Project(
            url=system.state.url,
            publishable_key=system.state.publishable_key,
            secret_key=system.state.secret_key,
        )
        findings = asyncio.run(run_attack(project, rows=rows, seed=seed))
    return rows, [f"{each.what}: {each.detail}" for each in findings]


def _run_laws(paths: Sequence[str]) -> tuple[int, list[str]]:
    """Run laws of the suite in a process of their own; return how many, and those that fail."""
    with tempfile.TemporaryDirectory(prefix="cogo-attack-") as directory:
        report = Path(directory) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-n0", f"--junitxml={report}"]
        done = subprocess.run(
            [*command, *(f"tests/{path}" for path in paths)],
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not report.exists():
            return 0, [f"the laws did not run: {done.stdout[-1_000:]}"]
        cases = list(Xml.parse(report).iter("testcase"))  # noqa: S314 - written by pytest just now
    holes = [
        f"{case.get('name')}: {(problem.get('message') or '').splitlines()[0]}"
        for case in cases
        for problem in case
        if problem.tag in {"failure", "error"}
    ]
    tried = [case for case in cases if case.find("skipped") is None]
    return len(tried), holes


def _print(results: Sequence[Result]) -> None:
    table = Table("area", "tried", "holes", "seconds")
    for each in results:
        table.add_row(each.area, str(each.tried), str(len(each.holes)), f"{each.seconds:.0f}")
    console = Console()
    console.print(table)
    for each in results:
        for hole in each.holes:
            console.print(f"{each.area}: {hole}", markup=False, highlight=False)
    held = "held" if not any(each.holes for each in results) else "HOLES"
    console.print(held, highlight=False)


def _as_json(result: Result) -> dict[str, object]:
    return {
        "area": result.area,
        "tried": result.tried,
        "holes": list(result.holes),
        "seconds": round(result.seconds, 1),
    }


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/attack",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=argparse.SUPPRESS,
    )
    parser.add_argument("--rows", type=int, default=1_000, help="how many hostile rows")
    parser.add_argument("--seed", type=int, default=7, help="which rows")
    parser.add_argument("--only", choices=AREAS, metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser
