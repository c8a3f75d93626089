"""`cogo sandbox`: run code in the sandbox of this machine, and install what it needs."""

import asyncio
import sys
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final

import typer

from agents.extraction.languages import get_language
from agents.sandbox import search_sandbox
from agents.sandbox.check import LANGUAGES
from agents.sandbox.check_runner import NO_PACKAGES, CheckRunner
from agents.sandbox.languages.node import NODE_LIMITS
from agents.sandbox.node_toolchain import SIZE, get_packages_folder, install_node_packages
from agents.sandbox.python_toolchain import ToolchainMissing
from agents.sandbox.report import Report
from cogo.cli.options import AsJson
from cogo.cli.progress import open_bar
from cogo.config.context import Project
from cogo.config.settings import cache_directory
from cogo.errors import CommandError, UsageError
from cogo.terminal import (
    expand_commands,
    neutralize,
    print_json,
    print_line,
    print_table,
    print_text,
)
from cogo.wiring.sandbox import count_check_slots, open_check_runner
from protocol.lanes import SANDBOX

_UNKNOWN: Final = frozenset({"unavailable", "refused", "no_tests"})
"""Verdicts that say nothing about the code."""
NOT_RUN: Final = 5
"""Exit code if the code was not tested."""


_NOT_INSTALLED: Final = "interrupted: nothing is installed; the same command begins anew"
_INTERPRETERS: Final = {
    "python": "python", "pypy": "python", "node": "javascript", "nodejs": "javascript",
    "tsx": "typescript", "ts-node": "typescript",
}  # fmt: skip
_LONGEST_SHEBANG: Final = 256


class Installable(StrEnum):
    """What `cogo sandbox install` installs."""

    NODE = "node"


def run_in_sandbox(
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="The code.", exists=True, dir_okay=False),
    ],
    tests: Annotated[
        list[Path] | None,
        typer.Option(
            "--test",
            metavar="FILE",
            help="A file of tests; repeatable.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Run this command instead; its exit code decides.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="python, javascript or typescript (default: by the name).")
    ] = None,
    stub: Annotated[
        bool,
        typer.Option(
            "--stub", help="Run the tests on functions that do nothing; they should fail."
        ),
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Limit of time.")] = None,
    memory: Annotated[int | None, typer.Option(min=16, help="Limit of memory in MB.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run code with its tests in the sandbox.

    Needs no server and no task. Exits with 0 if everything passed, with 1 if not, and with 5 if
    nothing was tested: no sandbox, no toolchain or no tests.

    Examples:
        cogo sandbox run search.py --test test_search.py
        cogo sandbox run add.ts --test add.test.ts
        cogo sandbox run search.py --test test_search.py --command "pytest -q"
        cogo sandbox run search.py --test test_search.py --stub
        cogo sandbox run search.py --test test_search.py --json
    """
    limits = {"wall_seconds": seconds, "cpu_seconds": seconds, "memory_mb": memory}
    params = {
        "language": language or _find_language(files[0], has_command=command is not None),
        "files": _read_files(files),
        "tests": _read_files(tests or []) or None,
        "command": command,
        "limits": {name: limit for name, limit in limits.items() if limit is not None} or None,
        "against": "stub" if stub else "code",
    }
    report = asyncio.run(_run(Project.find(), params))
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _print_report(report)
    if not report.passed:
        raise typer.Exit(NOT_RUN if report.verdict in _UNKNOWN else 1)


def show_sandbox(*, as_json: AsJson = False) -> None:
    """Report what the sandbox of this machine can run.

    Exits with 1 if there is no sandbox.

    Examples:
        cogo sandbox status
        cogo sandbox status --json
    """
    project = Project.find()
    runner = asyncio.run(open_check_runner(project.settings))
    facts = asyncio.run(_explain_missing(project)) if runner is None else _describe(runner)
    if as_json:
        backend = None if runner is None else runner.sandbox.name
        slots = count_check_slots(project.settings)
        lanes = [] if runner is None else runner.lanes
        print_json({"sandbox": backend, "lanes": lanes, "slots": slots, "facts": facts})
    else:
        print_table(
            ("WHAT", "STATE"), [(name, expand_commands(text)) for name, text in facts.items()]
        )
    if runner is None:
        raise typer.Exit(1)


def install_toolchain(
    *,
    what: Annotated[Installable, typer.Argument(help="What to install.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Install what the sandbox needs for a language.

    Downloads packages with npm, in exact versions with hashes, into the cache directory. Their
    scripts are not run. Running executors use them after a restart.

    Examples:
        cogo sandbox install node
        cogo sandbox install node --yes
    """
    cache = cache_directory() / "toolchains"
    folder = get_packages_folder(cache)
    if not folder.is_dir() and not yes:
        if not sys.stdin.isatty():
            raise CommandError(f"{what} needs {SIZE} from the npm registry; confirm with --yes")
        question = f"Download {SIZE} from the npm registry into {cache}?"
        typer.confirm(neutralize(question), abort=True, err=True)
    try:
        with open_bar(f"install {what}", explain=lambda _: _NOT_INSTALLED):
            install_node_packages(cache, report=print_line)
    except ToolchainMissing as error:
        raise CommandError(str(error)) from error


async def _run(project: Project, params: dict[str, Any]) -> Report:
    runner = await open_check_runner(project.settings)
    if runner is None:
        reason = "no sandbox works on this machine (`cogo sandbox status`)"
        return Report(
            verdict="unavailable", reason=reason, sandbox="none", language=params["language"]
        )
    return await runner.run(params)


def _find_language(file: Path, *, has_command: bool) -> str:
    """Return the language of a file by its name, else by its first line.

    A command needs none. Raises UsageError if it is none that can be run.
    """
    language = get_language(file.name) or _read_interpreter(file)
    if language in LANGUAGES:
        return language
    if has_command:
        return "python"
    raise UsageError(
        f"the name of {file} does not say its language: name it with --language python, javascript "
        "or typescript, or say with --command how it is run"
    )


def _read_interpreter(file: Path) -> str:
    """Return the language that a script's first line names, or an empty text."""
    with file.open("rb") as opened:
        first = opened.readline(_LONGEST_SHEBANG)
    words = (
        first.decode("utf-8", "replace").removeprefix("#!").split() if first[:2] == b"#!" else []
    )
    programs = [PurePosixPath(word).name for word in words if not word.startswith("-")]
    names = [name for name in programs if name != "env" and "=" not in name]
    name = names[0].rstrip("0123456789.") if names else ""
    return _INTERPRETERS.get(name, "")


def _read_files(paths: list[Path]) -> dict[str, str]:
    """Return the texts of files, by their path in the working directory, else by their name."""
    here = Path.cwd()
    files = {}
    for path in paths:
        full = path.resolve()
        name = str(full.relative_to(here)) if full.is_relative_to(here) else full.name
        try:
            files[name] = full.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
    return files


def _print_report(report: Report) -> None:
    print_text(report.summary)
    for each in report.failures:
        print_text(f"  {each.test}", indent=4)
        for line in each.trace or each.message.splitlines():
            print_line(f"    {line}")
    if not report.passed and not report.failures and report.output:
        print_line(report.output)
    if report.basis == "exit_code":
        print_text("Only the exit code of the command was judged.")
    print_text(f"{report.seconds:.2f} s in {report.sandbox}")


def _describe(runner: CheckRunner) -> dict[str, str]:
    python = runner.python
    node = runner.node
    version = ".".join(map(str, node.version)) if node else ""
    packages = str(node.packages) if node and node.packages else NO_PACKAGES
    limits = runner.limits
    return {
        "sandbox": runner.sandbox.name,
        "python": f"{python.interpreter} with pytest" if python else runner.why_not_python,
        "node": f"{node.program} {version}" if node else runner.why_not_node,
        "typescript": packages if node else runner.why_not_node,
        "lanes": ", ".join(lane.removeprefix(SANDBOX) for lane in runner.lanes),
        "limits": f"{limits.wall_seconds:g} s, {limits.memory_mb} MB a check",
        "defaults": f"{NODE_LIMITS.wall_seconds:g} s for TypeScript, 30 s and 512 MB for Python",
    }


async def _explain_missing(project: Project) -> dict[str, str]:
    settings = project.settings
    search = await search_sandbox(settings.sandbox, settings.sandbox_runtime)
    return {"sandbox": f"none: {search.explain()}"}
