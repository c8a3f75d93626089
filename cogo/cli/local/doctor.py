"""`cogo doctor`: what is missing, and the command that fixes it."""

import asyncio

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.doctor import Check, CheckStatus, run_checks
from cogo.terminal import expand_example, print_json, print_text


def doctor(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """Report what is missing and the command that fixes it.

    Exits with 1 if something required is missing. Shows the names of variables, never their
    values.

    Examples:
        cogo doctor
        cogo doctor --json
    """
    found = asyncio.run(_run(Project.find(directory), quiet=as_json))
    is_ok = not any(check.status is CheckStatus.MISSING for check in found)
    if as_json:
        print_json({"ok": is_ok, "checks": [_to_json(check) for check in found]})
    if not is_ok:
        raise typer.Exit(1)


async def _run(project: Project, *, quiet: bool) -> list[Check]:
    found = []
    async for check in run_checks(project):
        found.append(check)
        if not quiet:
            print_text(f"{check.status:<8}{check.name}: {check.detail}", indent=8)
            if check.fix is not None:
                print_text(f"        -> {expand_example(check.fix)}", indent=3)
    return found


def _to_json(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "verdict": check.status.value,
        "detail": check.detail,
        "cure": check.fix,
    }
