"""What a task asks for, as options: the same for `cogo submit` and `cogo estimate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.planner import Cio
from agents.selection.preferences import Preference
from agents.workflows.registry import WORKFLOWS
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.errors import CommandError
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.json_values import parse_json
from protocol.records import AgentRecord, NewTask, TaskBrief
from protocol.records.models import PolicyName
from protocol.store.queue import QueueStore

_YEAR: Final = 366 * 86_400

Kind = Annotated[str, typer.Option("--type", help=f"One of {', '.join(sorted(WORKFLOWS))}.")]
Model = Annotated[
    str | None, typer.Option(help="A model by name, alias or role, instead of the CIO's choice.")
]
Language = Annotated[str | None, typer.Option(help="Language of the code.")]
TargetFile = Annotated[str | None, typer.Option(help="Path inside the repository.")]
CodeFile = Annotated[
    Path | None,
    typer.Option("--file", help="Code to analyse or to build on.", exists=True, dir_okay=False),
]
Params = Annotated[str | None, typer.Option(help="More params, as a JSON object.")]
Prefer = Annotated[Preference, typer.Option(help="What matters most.")]
Policy = Annotated[PolicyName | None, typer.Option(help="How the model is chosen.")]
DataPolicy = Annotated[
    list[str] | None,
    typer.Option(help="Where the prompt may go: eu, no-training, local-only, ...; repeat it."),
]
Budget = Annotated[str | None, typer.Option(help="The most it may cost, in US dollars.")]


def preferences_of(
    prefer: Preference, policy: PolicyName | None, data_policy: Sequence[str] | None
) -> dict[str, Any]:
    """Return the task's `preferences`; what is the default anyway is left out."""
    wishes: dict[str, Any] = {}
    if prefer is not Preference.BALANCED:
        wishes["preference"] = prefer.value
    if policy is not None:
        wishes["policy"] = policy.value
    if data_policy:
        wishes["data_policy"] = list(data_policy)
    return wishes


def params_of(
    text: str | None, *, language: str | None, target_file: str | None, file: Path | None, kind: str
) -> dict[str, Any]:
    """Return the task's `params`. Raise CommandError for a text that is no JSON object."""
    params = _object(text) if text else {}
    if language:
        params["language"] = language
    if target_file:
        params["target_file"] = target_file
    if file is not None:
        params["code" if kind == "ANALYZE_CODE" else "code_context"] = _read(file)
    return params


def dollars_of(text: str | None) -> Decimal | None:
    """Return an amount of US dollars. Raise CommandError unless it is one."""
    if text is None:
        return None
    try:
        value = Decimal(text.removeprefix("$"))
    except InvalidOperation as error:
        raise CommandError(f"--budget is {text!r}; it must be dollars such as 0.25") from error
    if not value.is_finite() or value < 0:
        raise CommandError(f"--budget is {text!r}; it must be dollars such as 0.25")
    return value


def deadline_of(seconds: float | None) -> datetime | None:
    """Return when an answer is of no use any more. Raise CommandError beyond a year."""
    if seconds is None:
        return None
    if not 1 <= seconds <= _YEAR:  # which NaN is not, either
        raise CommandError(f"--deadline is {seconds}; it must be from 1 to {_YEAR} seconds")
    return utc_now() + timedelta(seconds=seconds)


async def refuse_invalid(
    task: NewTask, task_id: UUID, *, project: Project, store: QueueStore
) -> None:
    """Raise InvalidArgument, as the planner would fail the task, before there is one.

    Whether a model is free for it is left to the planner: tasks may wait for one.
    """
    catalogue = load_catalogue(project)
    agents = await store.fetch_agents()
    registry = LaneRegistry(store=_Known(agents), own=_nothing)
    await registry.refresh()
    brief = TaskBrief(
        id=task_id,
        type=task.type,
        prompt=task.prompt,
        params=task.params,
        model=task.model,
        preferences=task.preferences,
    )
    try:
        Cio(catalogue=catalogue, registry=registry).choose_for_task(brief)
    except InvalidTask as error:
        raise InvalidArgument(error.message) from error
    except NoModel:
        return


@dataclass(frozen=True, slots=True)
class _Known:
    """Agents that were read already: a registry would keep quiet about a store that is away."""

    agents: list[AgentRecord]

    async def fetch_agents(self) -> list[AgentRecord]:
        return self.agents


async def _nothing() -> list[str]:
    return []


def _object(text: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise CommandError(
            f'--params is not JSON ({error}); example: --params \'{{"language": "python"}}\''
        ) from error
    if not isinstance(value, dict):
        raise CommandError(
            '--params must be a JSON object; example: --params \'{"language": "python"}\''
        )
    return value


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read as text: {error}") from error
