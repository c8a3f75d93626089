"""`cogo swarm`: several models on one message, each shown while it works."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import uuid4

import typer

from agents.selection.preferences import Preference
from cogo.cli.options import AsJson, Dir, SessionName, derive_session
from cogo.cli.task_options import (
    DataPolicy,
    Params,
    Policy,
    Prefer,
    ProjectName,
    Tags,
    build_labels,
    build_params,
    build_preferences,
    parse_budget,
    parse_deadline,
)
from cogo.cli.tasks.result import require_writable
from cogo.cli.tasks.run_control import run_task_live
from cogo.cli.tasks.run_outcome import DETACHED, Accepted, conclude_run, print_left
from cogo.errors import UsageError
from cogo.watch.participants import SwarmProgress
from protocol.records import NewTask


class SwarmName(StrEnum):
    """The swarms."""

    STRATEGIC = "strategic"
    CODING = "coding"
    DEBATE = "debate"
    COORDINATE = "coordinate"
    AUTO = "auto"


_TYPES: Final = {
    SwarmName.STRATEGIC: "STRATEGY",
    SwarmName.CODING: "GENERATE_CODE",
    SwarmName.DEBATE: "DEBATE",
    SwarmName.COORDINATE: "COORDINATE",
    SwarmName.AUTO: "AUTO",
}


def run_swarm(
    *,
    swarm: Annotated[
        SwarmName | None, typer.Argument(metavar="SWARM", help=f"One of {', '.join(SwarmName)}.")
    ] = None,
    message: Annotated[
        str | None, typer.Argument(metavar="MESSAGE", help="The message; `-` reads standard input.")
    ] = None,
    follow: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="Show this task instead of a new one; `last`."),
    ] = None,
    max_usd: Annotated[
        str | None, typer.Option("--max-usd", "--budget", help="Maximum cost in US dollars.")
    ] = None,
    confirm_above_usd: Annotated[
        str | None,
        typer.Option(help="Of `auto`: ask before a plan is run that may cost more than this."),
    ] = None,
    session: SessionName = None,
    accept: Annotated[
        Accepted, typer.Option(help="The least that counts as success of code.")
    ] = Accepted.VERIFIED,
    prefer: Prefer = Preference.BALANCED,
    policy: Policy = None,
    data_policy: DataPolicy = None,
    params: Params = None,
    deadline: Annotated[
        float | None, typer.Option(help="Seconds after which the task fails.")
    ] = None,
    project: ProjectName = None,
    tag: Tags = None,
    out: Annotated[
        Path | None, typer.Option("--out", "--output", help="Write the result to this file.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Ask a swarm of models, and show who says what.

    strategic: a plan and its critic. coding: code that is tested. debate: three models of three
    makers, and one that decides. coordinate: a plan, its parts, tests and a debate about them.
    auto: a model proposes the steps.

    On a terminal each participant has a block with its role, model, state and cost, and what it
    says now; elsewhere the steps are lines. The result goes to standard output, everything else to
    standard error. With --json, each event is a line of JSON on standard output, `part` for what a
    participant says, at the end the result. Ctrl-C leaves the task running, twice cancels it.

    Exit codes: 0 verified, or completed without code; 1 failed; 2 wrong usage; 3 the budget was
    spent first; 4 cancelled; 5 unverified or only self-tested, which --accept changes; 130 left
    running.

    Examples:
        cogo swarm debate "Should we use Kubernetes?" --max-usd 0.50
        cogo swarm strategic "Plan a microservices architecture" --out plan.md
        cogo swarm coding "Write a Python function to calculate fibonacci"
        cogo swarm auto "Compare our two importers" --confirm-above-usd 1
        cogo swarm --follow last
    """
    is_new = swarm is not None and message is not None
    if is_new == (follow is not None) or (swarm is None) != (message is None):
        raise UsageError("give a SWARM and a MESSAGE, or --follow TASK")
    if out is not None:
        require_writable(out)
    new: NewTask | None = None
    if swarm is not None and message is not None:
        new = NewTask(
            id=uuid4(),
            prompt=sys.stdin.read() if message == "-" else message,
            type=_TYPES[swarm],
            params=_build_params(swarm, params, confirm_above_usd),
            preferences=build_preferences(prefer, policy, data_policy),
            session_id=None if session is None else derive_session(session),
            budget_usd=parse_budget(max_usd, option="--max-usd"),
            deadline=parse_deadline(deadline),
            **build_labels(project, tag),
        )
    progress, has_ended = run_task_live(directory, new, follow, SwarmProgress, as_json=as_json)
    if not has_ended:
        print_left(progress.task, as_json=as_json, command="swarm")
        raise typer.Exit(DETACHED)
    raise typer.Exit(conclude_run(progress, out, accept, as_json=as_json))


def _build_params(
    swarm: SwarmName, text: str | None, confirm_above_usd: str | None
) -> dict[str, Any]:
    given = build_params(text, language=None, target_file=None, file=None, kind=_TYPES[swarm])
    limit = parse_budget(confirm_above_usd, option="--confirm-above-usd")
    return given if limit is None else given | {"confirm_above_usd": float(limit)}
