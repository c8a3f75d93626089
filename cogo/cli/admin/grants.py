"""`cogo grants`: which models and tools owners may use, and whose priorities count among all."""

from typing import Annotated

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import NO_OWNER, AsJson, Dir, parse_owner
from cogo.cli.session import run_with_store
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from cogo.wiring.models.controls import parse_granted_tools, resolve_grants
from protocol.errors import InvalidArgument
from protocol.records import Grants

Owner = Annotated[
    str, typer.Argument(metavar="OWNER", help="UUID of a user, or none for tasks without owner.")
]


def set_grants(
    *,
    owner: Owner,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Allow this model; repeatable.")
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="Allow all models of this provider; repeatable."),
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=9,
            help="Let the owner's priorities count among all owners, up to this one (0 is first). "
            "Without it their tasks count as priority 5.",
        ),
    ] = None,
    tool: Annotated[
        list[str] | None,
        typer.Option(
            "--tool",
            help="Allow this tool, by its full name, or all of a source: MODULE/*, mcp:SERVER/*, "
            "cogo/*; repeatable. `none` allows none, `all` every tool again.",
        ),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Restrict or prioritise an owner.

    With --model or --provider the owner may use only those; they replace earlier ones. So do tools
    with --tool. What is not named stays as it is.

    Examples:
        cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --model claude-sonnet
        cogo grants set none --tool shop_tools.find_order --tool 'mcp:supabase/*'
        cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --tool none
        cogo grants set none --provider anthropic --provider ollama
        cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --priority 2
    """
    if not model and not provider and not tool and priority is None:
        raise InvalidArgument(
            "nothing is granted",
            hint="use --model, --provider, --tool or --priority, or `cogo grants remove`",
        )
    tools = parse_granted_tools(tool) if tool else None
    project = Project.find(directory)
    granted = resolve_grants(model or [], provider or [], load_catalogue(project))
    is_limited = bool(granted.models or granted.providers)
    whose = parse_owner(owner)
    stored = run_with_store(
        project,
        lambda store: store.set_grants(
            owner=whose,
            models=granted.models if is_limited else None,
            providers=granted.providers if is_limited else None,
            aliases=granted.aliases,
            priority=priority,
            tools=tools,
        ),
    )
    _print([stored], as_json=as_json)


def list_grants(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the grants of owners.

    An owner who is not listed may use every model and every tool, at equal priority.

    Examples:
        cogo grants
        cogo grants list --json
    """
    _print(run_with_store(directory, lambda store: store.fetch_grants()), as_json=as_json)


def remove_grants(*, owner: Owner, directory: Dir = None, as_json: AsJson = False) -> None:
    """Remove the grants of an owner.

    The owner may then use every model and every tool, at equal priority.

    Examples:
        cogo grants remove 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c
    """
    whose = parse_owner(owner)
    run_with_store(directory, lambda store: store.set_grants(owner=whose, priority=-1, tools=[]))
    if as_json:
        print_json({"owner": owner, "models": [], "providers": [], "priority": None, "tools": None})
    else:
        print_line(f"{owner} may use every model and every tool")


def _print(grants: list[Grants], *, as_json: bool) -> None:
    print_rows(
        grants,
        ("OWNER", "MODELS", "PROVIDERS", "PRIORITY", "TOOLS"),
        _cells,
        as_json=as_json,
        empty="every owner may use every model and every tool; see `cogo grants set --help`",
    )


def _cells(grants: Grants) -> tuple[str, ...]:
    return (
        str(grants.owner) if grants.owner else NO_OWNER,
        ", ".join(grants.models) or "-",
        ", ".join(grants.providers) or "-",
        "-" if grants.priority is None else str(grants.priority),
        "all" if grants.tools is None else ", ".join(grants.tools) or "none",
    )
