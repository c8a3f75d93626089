"""`cogo grants`: which models and tools owners may use, and whose priorities count among all."""

import re
from typing import Annotated, Final

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import NO_OWNER, AsJson, Dir, parse_owner
from cogo.cli.session import run_with_store
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from protocol.errors import InvalidArgument
from protocol.records import Grants
from protocol.tool_names import WEB_SEARCH
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.schema import EmbeddingModel, Model, RerankModel
from providers.errors import UnknownModel

_ALL: Final = "all"
_NONE: Final = "none"
_TOOL: Final = re.compile(
    rf"{WEB_SEARCH}|cogo:\w{{1,100}}|(cogo|mcp:[\w-]{{1,100}}|\w[\w.]{{0,150}})/\*"
    r"|mcp:[\w-]{1,64}/[\w.:/-]{1,128}|\w+(\.\w+)+",
    re.ASCII,
)

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
    tools = _parse_tools(tool) if tool else None
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    models, aliases = _resolve_models(model or [], catalogue)
    providers = [_check_provider(name, catalogue) for name in provider or []]
    is_limited = bool(models or providers)
    whose = parse_owner(owner)
    stored = run_with_store(
        project,
        lambda store: store.set_grants(
            owner=whose,
            models=models if is_limited else None,
            providers=providers if is_limited else None,
            aliases=aliases,
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


def _parse_tools(names: list[str]) -> list[str]:
    """Return the tools as they are stored; an empty list: all. Raises InvalidArgument."""
    if _ALL in names or _NONE in names:
        if len(names) > 1:
            raise InvalidArgument("--tool all and --tool none go with no other --tool")
        return [] if names == [_ALL] else names
    for name in names:
        if _TOOL.fullmatch(name) is None:
            raise InvalidArgument(
                f"--tool {name[:200]!r} is no full name of a tool",
                hint="such as shop_tools.find_order, shop_tools/*, mcp:SERVER/TOOL, mcp:SERVER/*, "
                "cogo:run_code, cogo/* or web_search (`cogo tools` lists them)",
            )
    return names


def _resolve_models(names: list[str], catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Return canonical ids, and all other names of the models. Raises InvalidArgument."""
    found: list[Model | EmbeddingModel | RerankModel] = []
    for name in names:
        try:
            found.append(catalogue.resolve(name).model)
        except UnknownModel as error:
            try:
                found.append(catalogue.find_textless_model(name))
            except UnknownModel:
                raise InvalidArgument(str(error), hint="`cogo models --all` lists them") from error
    others = [alias for model in found for alias in (*model.aliases, model.name)]
    return [model.id for model in found], others


def _check_provider(name: str, catalogue: Catalogue) -> str:
    if name not in catalogue.providers:
        known = ", ".join(sorted(catalogue.providers))
        raise InvalidArgument(f"unknown provider {name!r}", hint=f"the providers are {known}")
    return name


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
