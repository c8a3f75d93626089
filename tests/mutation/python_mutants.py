"""Mutants of Python, made and run by mutmut in a copy of the tree."""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.environments import python_of

REQUIREMENTS: Final = (
    "mutmut==3.8.1",
    "coverage==7.17.5",
    "libcst==1.9.0",
    "linkify-it-py==2.2.0",
    "mdit-py-plugins==0.7.0",
    "textual==8.2.8",
    "uc-micro-py==2.0.0",
)
"""Beside our lock: nothing else needs them."""

CONFIGURATION: Final = """
[tool.mutmut]
source_paths = ["agents", "cogo", "embedded", "gateway", "protocol", "providers", "simulator"]
only_mutate = ["agents/runtime/*", "agents/selection/*", "gateway/*", "providers/*"]
# uvicorn takes an application that mutmut wraps for a factory of one.
do_not_mutate = ["gateway/middleware.py"]
# What is logged is no law.
do_not_mutate_patterns = ["logger\\\\."]
also_copy = ["benchmarks", "docs", "examples", "scripts", "supabase", "CHANGELOG.md", "README.md"]
# Generous, since the estimate leaves out collecting: a busy machine is not a caught mutant.
timeout_constant = 20.0
timeout_multiplier = 6.0
# Coroutines that mutmut wraps are collected late, which is no fault of theirs.
pytest_add_cli_args = ["-o", "addopts=--import-mode=importlib", "-p", "no:unraisableexception"]
pytest_add_cli_args_test_selection = [
    "tests/unit/agents", "tests/unit/providers", "tests/unit/gateway",
    "tests/contract/providers", "tests/integration/gateway",
]
"""

_CHECKED: Final = ("agents", "gateway", "providers")
_PROGRESS: Final = re.compile(r"\S+ \d+/\d+ ")
_VERDICTS: Final = {0: "survived", 33: "no test", 34: "skipped"}
_TIMEOUTS: Final = frozenset({24, 152, 255, -24})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault and its result: caught, timeout, types, survived or no test."""

    name: str
    verdict: str
    diff: str = ""

    @property
    def is_caught(self) -> bool:
        """Return whether a test failed or never ended, or the type checker refused it."""
        return self.verdict in {"caught", "timeout", "types"}


def run_sample(
    root: Path, *, size: int, seed: int, only: str, say: Callable[[str], None]
) -> list[Mutant]:
    """Run a sample of the mutants of the last commit; return one entry for each.

    The sample depends on the seed and on the names of all mutants, so on the commit. Faults that
    only change the wording of a sentence are left out.
    Raises subprocess.CalledProcessError when the tests fail without any fault.
    """
    mutmut = str(python_of("mutmut", REQUIREMENTS, beside=Path(sys.prefix)).parent / "mutmut")
    with copy_of(root) as tree:
        with (tree / "pyproject.toml").open("a", encoding="utf-8") as settings:
            settings.write(CONFIGURATION)
        say("generating mutants ...")
        python = str(Path(mutmut).parent / "python")
        generate = [python, "tests/mutation/generate.py", str(size), str(seed), only]
        sample: list[str] = json.loads(_run(generate, tree).splitlines()[-1])
        if not sample:
            return []
        say(f"{len(sample)} mutants; first the tests without any fault ...")
        _run([mutmut, "run", *sample], tree, say=say)
        codes = _exit_codes(tree)
        survivors = [name for name in sample if _verdict(codes[name]) in {"survived", "no test"}]
        say(f"{len(survivors)} passed the tests; now the type checker ...")
        diffs = dict(_pass_type_checker(mutmut, tree, survivors))
        return [
            Mutant(name, _verdict(codes[name]), diffs[name])
            if name in diffs
            else Mutant(name, "types" if name in survivors else _verdict(codes[name]))
            for name in sample
        ]


def _verdict(code: int | None) -> str:
    if code is None:
        return "not run"
    return "timeout" if code in _TIMEOUTS else _VERDICTS.get(code, "caught")


def _pass_type_checker(
    mutmut: str, tree: Path, survivors: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield each mutant that the type checker accepts, with its diff."""
    check = [
        sys.executable,
        "-m",
        "mypy",
        "--no-error-summary",
        *map("--package={}".format, _CHECKED),
    ]
    _run(check, tree)  # or every fault would seem to be refused
    for name in survivors:
        shown = _run([mutmut, "show", name], tree)
        path = tree / next(line[4:].strip() for line in shown.splitlines() if line[:4] == "--- ")
        original = path.read_bytes()
        _run([mutmut, "apply", name], tree)
        if subprocess.run(check, cwd=tree, stdout=subprocess.DEVNULL, check=False).returncode == 0:
            yield name, shown
        path.write_bytes(original)


def _exit_codes(tree: Path) -> dict[str, int | None]:
    """Return the exit code of the tests by mutant; None for one that was not run."""
    codes: dict[str, int | None] = {}
    for meta in sorted((tree / "mutants").rglob("*.py.meta")):
        codes |= json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    return codes


@contextmanager
def copy_of(root: Path) -> Iterator[Path]:
    """Copy the last commit to a directory that is removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix="cogo-mutate-") as directory:
        tree = Path(directory)
        tree.chmod(0o711)  # an unprivileged Postgres of the tests lies below
        archive = tree / "head.tar"
        subprocess.run(["git", "archive", "--output", archive, "HEAD"], cwd=root, check=True)
        with tarfile.open(archive) as packed:
            packed.extractall(tree, filter="data")
        archive.unlink()
        yield tree


def _run(command: list[str], tree: Path, *, say: Callable[[str], None] | None = None) -> str:
    """Run a command, pass on mutmut's lines of progress, and return what it printed."""
    with subprocess.Popen(
        command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if say is not None and _PROGRESS.match(line):
                say(line.strip())
    if process.returncode:
        sys.stderr.write("".join(lines[-60:]))
        raise subprocess.CalledProcessError(process.returncode, command)
    return "".join(lines)
