"""`cogo grants`: which models owners may use, and whose priorities count among all owners."""

from typing import Annotated

import typer

from cogo.cli.listing import print_rows
from cogo.cli.options import NO_OWNER, AsJson, Dir, parse_owner
from cogo.cli.session import run_with_store
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.terminal import print_json, print_line
from protocol.errors import InvalidArgument
from protocol.records import Grants
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

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
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Restrict or prioritise an owner.

    With --model or --provider the owner may use only those; they replace earlier ones.

    Examples:
        cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --model claude-sonnet
        cogo grants set none --provider anthropic --provider ollama
        cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --priority 2
    """
    if not model and not provider and priority is None:
        raise InvalidArgument(
            "nothing is granted",
            hint="use --model, --provider or --priority, or `cogo grants remove`",
        )
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
        ),
    )
    _print([stored], as_json=as_json)


def list_grants(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the grants of owners.

    An owner who is not listed may use every model, at equal priority.

    Examples:
        cogo grants
        cogo grants list --json
    """
    _print(run_with_store(directory, lambda store: store.fetch_grants()), as_json=as_json)


def remove_grants(*, owner: Owner, directory: Dir = None, as_json: AsJson = False) -> None:
    """Remove the grants of an owner.

    The owner may then use every model, at equal priority.

    Examples:
        cogo grants remove 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c
    """
    whose = parse_owner(owner)
    run_with_store(directory, lambda store: store.set_grants(owner=whose, priority=-1))
    if as_json:
        print_json({"owner": owner, "models": [], "providers": [], "priority": None})
    else:
        print_line(f"{owner} may use every model")


def _resolve_models(names: list[str], catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Return canonical ids, and all other names of the models. Raises InvalidArgument."""
    found = []
    for name in names:
        try:
            found.append(catalogue.resolve(name).model)
        except UnknownModel as error:
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
        ("OWNER", "MODELS", "PROVIDERS", "PRIORITY"),
        _cells,
        as_json=as_json,
        empty="every owner may use every model; see `cogo grants set --help`",
    )


def _cells(grants: Grants) -> tuple[str, ...]:
    return (
        str(grants.owner) if grants.owner else NO_OWNER,
        ", ".join(grants.models) or "-",
        ", ".join(grants.providers) or "-",
        "-" if grants.priority is None else str(grants.priority),
    )
