"""`cogo models pin|ban|drain|allow|policy`: operators steer which models are chosen, live."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import typer

from agents.selection.model_profiles import get_profile_cache
from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import load_catalogue, named_model
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from cogo.wiring.stores import open_client
from protocol.errors import InvalidArgument
from protocol.records.models import ControlAction, Controlled, ModelKnowledge, PolicyName, PolicySet
from providers.catalogue.catalogue import Catalogue

EXAMPLES: Final = {
    "pin": (
        "cogo models pin claude-sonnet-5-5",
        "cogo models pin coding --task-type code-generation --reason 'the release week'",
    ),
    "ban": (
        "cogo models ban gpt-6.1-sol --reason 'wrong answers since this morning'",
        "cogo models ban anthropic --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f --json",
    ),
    "drain": ("cogo models drain fireworks --reason 'its contract ends'",),
    "allow": ("cogo models allow gpt-6.1-sol",),
    "policy": (
        "cogo models policy",
        "cogo models policy scored",
        "cogo models policy cascade --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f",
        "cogo models policy --clear",
    ),
}
WHO: Final = "cogo models"
NOBODY: Final = UUID(int=0)

Name = Annotated[str, typer.Argument(help="A model's name, alias or role, or a provider's id.")]
Owner = Annotated[str | None, typer.Option("--owner", help="Only for this user's tasks (a uuid).")]
TaskType = Annotated[
    str | None, typer.Option("--task-type", help="Only for tasks like code-generation.")
]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; everybody who asks is told.")]


@dataclass(frozen=True, slots=True)
class Aim:
    """For whom an operator speaks, and why."""

    owner: str | None
    task_type: str | None
    reason: str | None

    def scope(self) -> str:
        """Give it as it is stored. Raises InvalidArgument."""
        if self.owner is not None and self.task_type is not None:
            raise InvalidArgument("name one of the two: --owner or --task-type")
        if self.task_type is not None:
            return f"task_type:{self.task_type}"
        owner = _uuid(self.owner)
        return "everywhere" if owner is None else f"owner:{owner}"


def _command(action: ControlAction, summary: str) -> Callable[..., None]:
    """Make the command that says this of a model; all four take the same words."""

    def say(
        *,
        name: Name,
        owner: Owner = None,
        task_type: TaskType = None,
        reason: Reason = None,
        directory: Dir = None,
        as_json: AsJson = False,
    ) -> None:
        aim = Aim(owner, task_type, reason)
        done = asyncio.run(_say(Project.find(directory), action, name, aim))
        if as_json:
            print_json(done.model_dump(mode="json"))
            return
        where = "" if done.scope == "everywhere" else f" for {done.scope}"
        moved = f"; {done.restamped} waiting get another model" if done.restamped else ""
        print_line(f"{done.subject}: {done.action}{where}, before {done.was}{moved}")

    say.__doc__ = summary
    return say


pin = _command(
    "pin",
    """Take a model before all others. Who asks for another one by name still gets that.""",
)
ban = _command(
    "ban",
    """Take a model or a provider out at once, also for who asks for it by name.

    Executors make no new call to it from that moment on; calls that run are heard to their end.
    What waits gets another model, or fails when its task insists.
    """,
)
drain = _command(
    "drain",
    """Give a model or a provider no new work, unless a task asks for it by name.

    What runs is finished; what waits gets another model.
    """,
)
allow = _command(
    "allow",
    """Take back what was said of a model or a provider, with the same --owner or --task-type.""",
)


def policy(
    *,
    name: Annotated[
        PolicyName | None, typer.Argument(help="The policy; without it, show what holds.")
    ] = None,
    owner: Owner = None,
    clear: Annotated[bool, typer.Option("--clear", help="Back to the default.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show or set by which policy models are chosen, for everybody or for an owner.

    A task may name its own in preferences.policy. Orchestrators follow within two seconds.
    """
    if name is not None and clear:
        raise InvalidArgument("name a policy, or --clear, not both")
    project = Project.find(directory)
    if name is None and not clear:
        _show(asyncio.run(_known(project)), project, as_json=as_json)
        return
    done = asyncio.run(_set_policy(project, name, _uuid(owner)))
    if as_json:
        print_json(done.model_dump(mode="json"))
    else:
        whose = f"owner {done.owner}" if done.owner else "the deployment"
        print_line(f"{whose}: {done.policy or 'the default'}, before {done.was or 'the default'}")


def _show(known: ModelKnowledge, project: Project, *, as_json: bool) -> None:
    default = project.settings.selection_policy.value
    deployment = known.policies.get(NOBODY, default)
    owners = {str(owner): name for owner, name in known.policies.items() if owner != NOBODY}
    controls = [row.model_dump(mode="json") for row in known.controls]
    if as_json:
        print_json({"deployment": deployment, "owners": owners, "controls": controls})
        return
    print_line(f"the deployment: {deployment}")
    for owner, name in owners.items():
        print_line(f"owner {owner}: {name}")
    for row in known.controls:
        print_line(f"{row.action} {row.subject} {row.scope}: {row.reason} ({row.who})")


def _uuid(owner: str | None) -> UUID | None:
    try:
        return None if owner is None else UUID(owner)
    except ValueError as error:
        raise InvalidArgument(f"--owner {owner!r} is no user's id (a uuid)") from error


def _subject(name: str, catalogue: Catalogue, action: ControlAction) -> tuple[str, list[str]]:
    """Give the id that is meant and its lanes. Raises CommandError with the nearest names."""
    if name not in catalogue.providers:
        found = named_model(catalogue, name).id
        return found, [found]
    if action == "pin":
        raise InvalidArgument(f"{name} is a provider: only a model can be pinned")
    shelf = get_profile_cache(catalogue)
    return name, [lane for lane in catalogue.models if shelf.get(lane).provider == name]


async def _say(project: Project, action: ControlAction, name: str, aim: Aim) -> Controlled:
    subject, lanes = _subject(name, load_catalogue(project), action)
    scope = aim.scope()
    async with open_client(project) as client:
        return await client.store.control_model(
            action=action, subject=subject, lanes=lanes, scope=scope, reason=aim.reason, who=WHO
        )


async def _set_policy(project: Project, name: PolicyName | None, owner: UUID | None) -> PolicySet:
    async with open_client(project) as client:
        return await client.store.set_policy(
            policy=None if name is None else name.value, owner=owner, who=WHO
        )


async def _known(project: Project) -> ModelKnowledge:
    async with open_client(project) as client:
        return await client.store.model_knowledge(agent_id=WHO)
