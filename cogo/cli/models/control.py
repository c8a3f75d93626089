"""`cogo models pin|ban|drain|allow|policy`: how operators control which models are chosen."""

from collections.abc import Callable
from typing import Annotated, Final, cast
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir, parse_user
from cogo.cli.session import run_with_store
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from cogo.wiring.models.controls import ASKED_BY, control_model
from protocol.errors import InvalidArgument
from protocol.records.models import ControlAction, Controlled, ModelKnowledge, PolicyName

_DEPLOYMENT: Final = UUID(int=0)
"""How the database writes the owner of the policy that is valid for everyone."""

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name, alias or role of a model, or the id of a provider."),
]
Owner = Annotated[str | None, typer.Option("--owner", help="Only for tasks of this user (UUID).")]
TaskType = Annotated[
    str | None, typer.Option("--task-type", help="Only for such tasks, e.g. code-generation.")
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Why; shown where the model is refused.")
]


def _control(described: Callable[[], None]) -> Callable[..., None]:
    """Return the command of this name and docstring; the four take the same options."""
    action = cast("ControlAction", described.__name__)

    def command(
        *,
        name: Name,
        owner: Owner = None,
        task_type: TaskType = None,
        reason: Reason = None,
        directory: Dir = None,
        as_json: AsJson = False,
    ) -> None:
        project = Project.find(directory)
        catalogue = load_catalogue(project)
        scope = build_scope(owner, task_type)
        done = run_with_store(
            project,
            lambda store: control_model(
                store, catalogue, action=action, name=name, scope=scope, reason=reason
            ),
        )
        _print_controlled(name, done, as_json=as_json)

    command.__doc__ = described.__doc__
    return command


@_control
def pin() -> None:
    """Prefer a model to all others.

    Tasks that name another model still get that one.

    Examples:
        cogo models pin claude-sonnet-5-5
        cogo models pin coding --task-type code-generation --reason 'the release week'
    """


@_control
def ban() -> None:
    """Stop using a model or provider at once.

    Tasks that name it do not get it either. Executors start no new calls to it; calls in progress
    finish. Waiting subtasks get another model, or fail if their task accepts no other.

    Examples:
        cogo models ban gpt-6.1-sol --reason 'wrong answers since this morning'
        cogo models ban anthropic --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f --json
    """


@_control
def drain() -> None:
    """Stop giving a model or provider new work.

    Tasks that name it still get it. Running subtasks finish; waiting ones get another model.

    Examples:
        cogo models drain fireworks --reason 'its contract ends'
    """


@_control
def allow() -> None:
    """Undo pin, ban or drain.

    Use the same --owner or --task-type as before. For a role or a retired model, this also undoes
    what was set under the id of the retired model.

    Examples:
        cogo models allow gpt-6.1-sol
    """


def set_policy(
    *,
    name: Annotated[
        PolicyName | None,
        typer.Argument(metavar="POLICY", help="The policy to set (default: show it)."),
    ] = None,
    owner: Owner = None,
    clear: Annotated[bool, typer.Option("--clear", help="Restore the default.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show or set the selection policy.

    It applies to everyone, or with --owner to one user. A task may choose its own in
    preferences.policy. Orchestrators notice a change within two seconds.

    Examples:
        cogo models policy
        cogo models policy scored
        cogo models policy cascade --owner 3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f
        cogo models policy --clear
    """
    if name is not None and clear:
        raise InvalidArgument("use either a policy or --clear, not both")
    project = Project.find(directory)
    if name is None and not clear:
        known = run_with_store(project, lambda store: store.model_knowledge(agent_id=ASKED_BY))
        _print_policies(known, project, as_json=as_json)
        return
    whose = None if owner is None else parse_user(owner)
    policy = None if name is None else name.value
    done = run_with_store(project, lambda store: store.set_policy(policy=policy, owner=whose))
    if as_json:
        print_json(done)
    else:
        subject = f"owner {done.owner}" if done.owner else "the deployment"
        print_line(f"{subject}: {done.policy or 'the default'}, before {done.was or 'the default'}")


def _print_policies(known: ModelKnowledge, project: Project, *, as_json: bool) -> None:
    default = project.settings.selection_policy.value
    deployment = known.policies.get(_DEPLOYMENT, default)
    owners = {str(owner): name for owner, name in known.policies.items() if owner != _DEPLOYMENT}
    if as_json:
        print_json({"deployment": deployment, "owners": owners, "controls": known.controls})
        return
    print_line(f"the deployment: {deployment}")
    for owner, name in owners.items():
        print_line(f"owner {owner}: {name}")
    for row in known.controls:
        print_line(f"{row.action} {row.subject} {row.scope}: {row.reason} ({row.who})")


def build_scope(owner: str | None, task_type: str | None) -> str:
    """Return the scope as it is stored. Raises InvalidArgument."""
    if owner is not None and task_type is not None:
        raise InvalidArgument("use either --owner or --task-type, not both")
    if task_type is not None:
        return f"task_type:{task_type}"
    return "everywhere" if owner is None else f"owner:{parse_user(owner)}"


def _print_controlled(name: str, done: list[Controlled], *, as_json: bool) -> None:
    """Print what `name` stands for now, and every control that was set or undone."""
    now = done[0].subject
    changed = [each for each in done if each.was != each.action] or done[:1]
    if as_json:
        also = [each.subject for each in changed[1:]]
        print_json({**changed[0].model_dump(), "asked": name, "stands_for": now, "also": also})
        return
    if now != name:
        print_line(f"{name} stands for {now}")
    for each in changed:
        where = "" if each.scope == "everywhere" else f" for {each.scope}"
        moved = f"; {each.restamped} waiting get another model" if each.restamped else ""
        print_line(f"{each.subject}: {each.action}{where}, before {each.was}{moved}")
