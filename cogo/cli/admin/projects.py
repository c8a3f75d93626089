"""`cogo projects`: what projects spend, and who sees their tasks."""

from typing import Annotated, Literal
from uuid import UUID

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.terminal import print_json, print_text
from protocol.records import Budget, Member, ProjectRow
from protocol.store.gateway import GatewayStore

Name = Annotated[str, typer.Argument(metavar="PROJECT", help="Name of the project.")]
User = Annotated[UUID, typer.Argument(metavar="USER", help="UUID of a user of Supabase Auth.")]


def list_projects(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List projects and what they spend.

    What they have spent in this month (UTC), their caps, open tasks and members.

    A project is a name that tasks carry, or that has a cap or members.

    Examples:
        cogo projects
        cogo projects list --json
    """

    async def read(store: GatewayStore) -> tuple[list[ProjectRow], list[Budget]]:
        return await store.fetch_projects(), await store.fetch_budgets()

    projects, budgets = run_with_store(directory, read)
    caps = [each for each in budgets if each.scope == "project"]
    if as_json:
        print_json(
            [
                each.model_dump(mode="json")
                | {"caps": [cap.model_dump(mode="json") for cap in caps if cap.key == each.name]}
                for each in projects
            ]
        )
        return
    print_rows(
        projects,
        ("PROJECT", "SPENT", "CAPS", "OPEN", "MEMBERS"),
        lambda each: _cells(each, [cap for cap in caps if cap.key == each.name]),
        as_json=False,
        empty="no projects; try `cogo submit ... --project NAME`",
        drop=("CAPS", "MEMBERS"),
    )


def list_members(*, project: Name, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the members of a project.

    Examples:
        cogo projects members website
    """
    found = run_with_store(directory, lambda store: store.fetch_projects(names=[project]))
    print_rows(
        [member for each in found for member in each.members],
        ("USER", "ROLE", "SINCE"),
        lambda each: (str(each.user_id), each.role, f"{each.added_at:%Y-%m-%d}"),
        as_json=as_json,
        empty="no members: owners see their own tasks; `cogo projects add PROJECT USER` adds one",
    )


def add_member(
    *,
    project: Name,
    user: User,
    role: Annotated[
        Literal["viewer", "editor"],
        typer.Option(help="viewer: reads; editor: also cancels, retries, answers and submits."),
    ] = "viewer",
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Add a member of a project.

    Members see its tasks; for one that is there the role is changed. A project with members takes
    tasks of users only from its editors.

    Examples:
        cogo projects add website 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c
        cogo projects add website 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --role editor
    """
    member: Member = run_with_store(
        directory, lambda store: store.set_member(project=project, user_id=user, role=role)
    )
    if as_json:
        print_json(member)
    else:
        print_text(f"{member.user_id} is {member.role} of {member.project}")


def remove_member(
    *, project: Name, user: User, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Remove a member of a project.

    Examples:
        cogo projects remove website 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c
    """
    removed = run_with_store(
        directory, lambda store: store.remove_member(project=project, user_id=user)
    )
    if as_json:
        print_json({"removed": removed})
    else:
        print_text("removed" if removed else "no such member; `cogo projects members` lists them")


def _cells(project: ProjectRow, caps: list[Budget]) -> tuple[str, ...]:
    return (
        project.name,
        f"${project.spent_usd:.4f}",
        ", ".join(f"${each.limit_usd:f} per {each.per}" for each in caps),
        str(project.open_tasks),
        ", ".join(_count(project.members, role) for role in ("editor", "viewer")),
    )


def _count(members: list[Member], role: str) -> str:
    count = sum(each.role == role for each in members)
    return f"{count} {role}{'' if count == 1 else 's'}"
