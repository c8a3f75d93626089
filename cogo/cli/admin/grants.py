"""`cogo grants`: which models an owner may use, and how far their priorities count."""

import asyncio
from typing import Annotated, Final
from uuid import UUID

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import load_catalogue
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table, print_text
from cogo.wiring.stores import open_spending
from protocol.errors import InvalidArgument
from protocol.records import Grants
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

EXAMPLES: Final = {
    "set": (
        "cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --model claude-sonnet",
        "cogo grants set none --provider anthropic --provider ollama",
        "cogo grants set 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c --priority 2",
    ),
    "list": ("cogo grants", "cogo grants list --json"),
    "remove": ("cogo grants remove 8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c",),
}

Owner = Annotated[
    str, typer.Argument(metavar="OWNER", help="A user's uuid, or none: tasks without an owner.")
]


def set_(
    *,
    owner: Owner,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A model, by any name; again for more.")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="All models of it; again for more.")
    ] = None,
    priority: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=9,
            help="Tasks of the owner with this priority or a larger number are ordered among all "
            "owners by it; everybody else's count as 5 there.",
        ),
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Limit an owner to models and providers, or make their priorities count.

    Models and providers replace those that were granted before.
    """
    if not model and not provider and priority is None:
        raise InvalidArgument(
            "nothing is granted",
            hint="name --model, --provider or --priority, or use `cogo grants remove`",
        )
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    models, aliases = _models(model or [], catalogue)
    providers = [_provider(name, catalogue) for name in provider or []]

    async def send() -> Grants:
        async with open_spending(find_connection(project)) as store:
            return await store.set_grants(
                owner=parse_owner(owner),
                models=models if models or providers else None,
                providers=providers if models or providers else None,
                aliases=aliases,
                priority=priority,
            )

    _print([asyncio.run(send())], as_json=as_json)


def list_(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List what is granted to whom; all others may use every model, at equal priority."""

    async def read() -> list[Grants]:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.fetch_grants()

    found = asyncio.run(read())
    if not found and not as_json:
        print_text("everybody may use every model; `cogo grants set --help` says how to change it")
    else:
        _print(found, as_json=as_json)


def remove(*, owner: Owner, directory: Dir = None, as_json: AsJson = False) -> None:
    """Take back what was granted: every model may be used again, at equal priority."""

    async def send() -> Grants:
        async with open_spending(find_connection(Project.find(directory))) as store:
            return await store.set_grants(owner=parse_owner(owner), priority=-1)

    asyncio.run(send())
    if as_json:
        print_json({"owner": owner, "models": [], "providers": [], "priority": None})
    else:
        print_line(f"{owner} may use every model")


def parse_owner(text: str) -> UUID | None:
    """Read an owner; `none` stands for tasks without one. Raises InvalidArgument."""
    if text == "none":
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{text!r} is no owner", hint="it is a user's uuid, or none"
        ) from error


def _models(names: list[str], catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Canonical ids, and every other name that people may ask by."""
    found = []
    for name in names:
        try:
            found.append(catalogue.resolve(name).model)
        except UnknownModel as error:
            raise InvalidArgument(str(error), hint="`cogo models --all` lists them") from error
    others = [alias for model in found for alias in (*model.aliases, model.name)]
    return [model.id for model in found], others


def _provider(name: str, catalogue: Catalogue) -> str:
    if name not in catalogue.providers:
        known = ", ".join(sorted(catalogue.providers))
        raise InvalidArgument(f"there is no provider {name!r}", hint=f"there are {known}")
    return name


def _print(grants: list[Grants], *, as_json: bool) -> None:
    if as_json:
        print_json([each.model_dump(mode="json") for each in grants])
        return
    print_table(
        ("OWNER", "MODELS", "PROVIDERS", "PRIORITY"),
        [
            (
                str(each.owner) if each.owner else "none",
                ", ".join(each.models) or "-",
                ", ".join(each.providers) or "-",
                "-" if each.priority is None else str(each.priority),
            )
            for each in grants
        ],
    )
