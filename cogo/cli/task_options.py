"""Options that describe a task: the same for `cogo submit` and `cogo estimate`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from agents.errors import InvalidTask, NoModel, ToolNotUsable
from agents.orchestrator.cio import Cio
from agents.orchestrator.flows.preview import preview_flow
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.tool_check import check_usable_tools
from agents.selection.preferences import Preference
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from cogo.cli.options import parse_usd
from cogo.cli.request_options import add_request, read_limited_text
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.settings import Settings
from cogo.errors import UsageError
from cogo.repository import (
    Repository,
    has_uncommitted_changes,
    read_repository_context,
    read_test_files,
)
from cogo.terminal import print_text
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.json_values import parse_json
from protocol.records import AgentRecord, NewTask, TaskBrief
from protocol.records.models import PolicyName
from protocol.store.queue import QueueStore

_YEAR: Final = 366 * 86_400

TaskType = Annotated[
    str,
    typer.Option(
        "--type",
        help=f"Type of the task: {', '.join(sorted(WORKFLOWS))}, or your own (`cogo workflows`).",
    ),
]
Model = Annotated[
    str | None, typer.Option(help="Name, alias or role of a model (default: chosen by the CIO).")
]
Language = Annotated[str | None, typer.Option(help="Programming language.")]
TargetFile = Annotated[str | None, typer.Option(help="Path of the file in the repository.")]
CodeFile = Annotated[
    Path | None,
    typer.Option("--file", help="File with code to analyse or build on.", exists=True,
                 dir_okay=False),
]  # fmt: skip
SourceRepo = Annotated[
    Path | None,
    typer.Option(
        "--repo",
        help="A directory of the repository: the model is shown --target-file as it is committed, "
        "and tests find the other committed files.",
        file_okay=False,
    ),
]
CodeTests = Annotated[
    list[str] | None,
    typer.Option(
        "--test",
        metavar="FILE|COMMAND",
        help="Tests that the code must pass: a file, or a command such as `pytest -q`.",
    ),
]
TaskBranch = Annotated[
    str | None, typer.Option("--branch", help="Branch for the result: see `cogo apply`.")
]
Params = Annotated[str | None, typer.Option(help="More parameters, as a JSON object.")]
Prefer = Annotated[Preference, typer.Option(help="What matters most.")]
Policy = Annotated[PolicyName | None, typer.Option(help="Policy that chooses the model.")]
DataPolicy = Annotated[
    list[str] | None,
    typer.Option(help="Where the prompt may go: eu, no-training, local-only, ...; repeatable."),
]
Budget = Annotated[str | None, typer.Option(help="Maximum cost in US dollars.")]
ProjectName = Annotated[
    str | None,
    typer.Option(
        "--project",
        help="Project of the task, for caps, usage and who sees it (default: $COGO_PROJECT).",
    ),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="A word to find the task by; repeatable.")
]


class OnBudget(StrEnum):
    """What becomes of a task when a cap refuses one of its calls."""

    FAIL = "fail"
    ASK = "ask"


OnBudgetOption = Annotated[
    OnBudget | None,
    typer.Option(help="At a spent budget or cap fail (the default), or ask people for more."),
]


def build_preferences(
    prefer: Preference, policy: PolicyName | None, data_policy: Sequence[str] | None
) -> dict[str, Any]:
    """Return the `preferences` of a task, without defaults."""
    preferences: dict[str, Any] = {}
    if prefer is not Preference.BALANCED:
        preferences["preference"] = prefer.value
    if policy is not None:
        preferences["policy"] = policy.value
    if data_policy:
        preferences["data_policy"] = list(data_policy)
    return preferences


def build_params(
    text: str | None,
    *,
    language: str | None,
    target_file: str | None,
    file: Path | None,
    kind: str,
    tests: Sequence[str] | None = None,
    tools: Sequence[str] | None = None,
    schema: str | None = None,
    attach: Sequence[str] | None = None,
    on_budget: OnBudget | None = None,
) -> dict[str, Any]:
    """Return the `params` of a task of type `kind`.

    Raises UsageError if `text` is not a JSON object, or a file or a schema cannot be used.
    """
    params = parse_object(text) if text else {}
    if language:
        params["language"] = language
    if target_file:
        params["target_file"] = target_file
    if file is not None:
        params["code" if kind == "ANALYZE_CODE" else "code_context"] = read_text_file(file)
    if on_budget is not None:
        params["on_budget"] = on_budget.value
    params |= _read_tests(tests or ())
    return add_request(params, tools=tools, schema=schema, attach=attach)


def _read_tests(tests: Sequence[str]) -> dict[str, Any]:
    """Return the params for tests: what is no file is a command."""
    files = [Path(each) for each in tests if Path(each).is_file()]
    commands = [each for each in tests if not Path(each).is_file()]
    if len(commands) > 1:
        raise UsageError(f"--test names several commands: {', '.join(map(repr, commands))}")
    if commands and Path(commands[0]).suffix and " " not in commands[0]:
        raise UsageError(f"--test {commands[0]}: there is no such file")
    found: dict[str, Any] = {}
    if files:
        found["tests"] = {_name_test(each): read_text_file(each) for each in files}
    return found | ({"test_command": commands[0]} if commands else {})


def _name_test(file: Path) -> str:
    """Return the path below this directory; of a file elsewhere its name."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.name


def describe_missing_files(params: Mapping[str, Any]) -> str | None:
    """Return that a test command will find no files but the code; None if it has some."""
    if "test_command" not in params or params.keys() & {"tests", "files"}:
        return None
    return (
        f"`{params['test_command']}` finds only the code that is written: name files of tests "
        "with --test, too, or send a repository's files with --repo ."
    )


def add_repository(
    params: dict[str, Any], repo: Path | None, *, branch: str | None
) -> dict[str, Any]:
    """Return the params with the branch, and with the target file as the repository has it.

    Raises UsageError.
    """
    if branch is not None:
        params = {**params, "git_branch": branch}
    if repo is None:
        return params
    repository = Repository.open(repo)
    target = params.get("target_file")
    found = read_repository_context(repository, target_file=target, branch=params.get("git_branch"))
    if target is not None and has_uncommitted_changes(repository, target):
        note = f"{target} has changes that are not committed: the model is shown it without them"
        print_text(note, err=True)
    if params.keys() & {"tests", "test_command"} and "files" not in params:
        tests = params.get("tests")
        known = {*([target] if target else []), *(tests if isinstance(tests, dict) else ())}
        needed = read_test_files(repository, branch=params.get("git_branch"), known=known)
        print_text(needed.describe(), err=True)
        found |= {"files": dict(needed.files)} if needed.files else {}
    return {**found, **params}


def build_labels(project: str | None, tags: Sequence[str] | None) -> dict[str, Any]:
    """Return the project and the tags of a task."""
    return {"project": project, "tags": list(tags or ())}


def apply_default_project(new: NewTask, settings: Settings) -> NewTask:
    """Return the task in the project of the settings, unless it names one; an empty one is none."""
    return new if new.project is not None else new.model_copy(update={"project": settings.project})


def parse_budget(text: str | None, *, option: str = "--budget") -> Decimal | None:
    """Return the maximum cost in US dollars. Raises UsageError."""
    try:
        usd = None if text is None else parse_usd(text)
    except InvalidArgument as error:
        raise UsageError(f"{option} is {text!r}; it must be dollars such as 0.25") from error
    if usd is not None and usd < 0:
        raise UsageError(f"{option} is {text!r}; it must be dollars such as 0.25")
    return usd


def parse_deadline(seconds: float | None) -> datetime | None:
    """Return the time this many seconds from now. Raises UsageError beyond a year."""
    if seconds is None:
        return None
    if not 1 <= seconds <= _YEAR:  # false for NaN, too
        raise UsageError(f"--deadline is {seconds}; it must be from 1 to {_YEAR} seconds")
    return utc_now() + timedelta(seconds=seconds)


async def check_task(task: NewTask, task_id: UUID, *, project: Project, store: QueueStore) -> None:
    """Raise InvalidArgument if the orchestrator would fail the task.

    A task for which no model is available is valid: it waits for one. Tasks of users' workflows
    are checked by the orchestrators, which have loaded them.
    """
    agents = await store.fetch_agents()
    if task.type not in WORKFLOWS:
        check_type(task.type, agents)
        return
    catalogue = load_catalogue(project)
    registry = LaneRegistry(store=_LoadedAgents(agents), own=_serve_nothing)
    await registry.refresh()
    brief = TaskBrief(
        id=task_id,
        type=task.type,
        prompt=task.prompt,
        params=task.params,
        model=task.model,
        preferences=task.preferences,
    )
    cio = Cio(catalogue=catalogue, registry=registry)
    async with WorkflowHost(WORKFLOWS) as workflows:
        runner = FlowRunner(cio=cio, workflows=workflows, outputs=store)
        try:
            _check_tools(task, registry)
            await preview_flow(runner, brief)
        except InvalidTask as error:
            raise InvalidArgument(error.message) from error
        except NoModel:
            return


def _check_tools(task: NewTask, registry: LaneRegistry) -> None:
    """Raise InvalidTask for a tool that no running executor offers, unless it may still start."""
    try:
        offered = registry.tools if registry.is_known else None
        check_usable_tools(task.params, offered=offered, granted=None)
    except ToolNotUsable as error:
        if not error.may_appear:
            raise


def check_type(type_: str, agents: Sequence[AgentRecord]) -> None:
    """Raise InvalidArgument if no running orchestrator has a workflow for a type of users.

    While none runs, or one of a version that does not list its workflows, every type is accepted.
    """
    orchestrators = [
        each for each in agents if each.kind == "orchestrator" and each.state == "alive"
    ]
    loaded = [each.details.get("workflows") for each in orchestrators]
    if not loaded or not all(isinstance(each, list) for each in loaded):
        return
    types = {name for each in loaded for name in each or () if isinstance(name, str)}
    if type_ not in types:
        error = InvalidTask.not_allowed("type", type_, [*WORKFLOWS, *sorted(types)])
        raise InvalidArgument(
            f"{error.message} Workflows of yours are those that the running orchestrator has "
            "loaded: [workflows] modules in the cogo.toml of its project."
        )


def read_text_file(file: Path) -> str:
    """Return the text of a file. Raises UsageError."""
    try:
        return read_limited_text(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}") from error


@dataclass(frozen=True, slots=True)
class _LoadedAgents:
    """Agents that were already fetched, because a registry hides that a store is unavailable."""

    agents: list[AgentRecord]

    async def fetch_agents(self) -> list[AgentRecord]:
        return self.agents


async def _serve_nothing() -> list[str]:
    return []


def parse_object(text: str) -> dict[str, Any]:
    """Return the object that `--params` gives. Raises UsageError."""
    example = 'example: --params \'{"language": "python"}\''
    try:
        value = parse_json(text)
    except ValueError as error:
        raise UsageError(f"--params is not JSON ({error}); {example}") from error
    if not isinstance(value, dict):
        raise UsageError(f"--params must be a JSON object; {example}")
    return value
