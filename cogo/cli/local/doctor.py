"""`cogo doctor`: what is missing, and what mends it."""

import asyncio
from typing import Final

import typer

from cogo.cli.command_name import typed_example
from cogo.cli.options import AsJson, Dir
from cogo.cli.output import print_json, print_text
from cogo.config.context import Project
from cogo.doctor import Check, Verdict, examine

EXAMPLES: Final = ("cogo doctor", "cogo doctor --json")


def doctor(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Say what is missing and the one command that mends it.

    Ends with 1 when something that is needed is missing. Shows names of variables, never values.
    """
    found = asyncio.run(_examine(Project.find(directory), quiet=as_json))
    is_well = not any(check.verdict is Verdict.MISSING for check in found)
    if as_json:
        print_json({"ok": is_well, "checks": [_plain(check) for check in found]})
    if not is_well:
        raise typer.Exit(1)


async def _examine(project: Project, *, quiet: bool) -> list[Check]:
    found = []
    async for check in examine(project):
        found.append(check)
        if not quiet:
            print_text(f"{check.verdict:<8}{check.name}: {check.detail}", indent=8)
            if check.cure is not None:
                print_text(f"        -> {typed_example(check.cure)}", indent=3)
    return found


def _plain(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "verdict": check.verdict.value,
        "detail": check.detail,
        "cure": check.cure,
    }
