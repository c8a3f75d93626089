"""`cogo models`: which models can be asked now, and what they cost."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import credentials, load_catalogue, resolved
from cogo.config.context import Project
from cogo.terminal import print_json, print_line, print_table, print_text
from cogo.wiring.stores import open_client
from protocol.errors import CogoError
from protocol.records import AgentRecord
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.parameters import supported_parameters
from providers.catalogue.schema import Model, Prices, Provider
from providers.errors import UnknownModel
from providers.prices import unit_prices
from providers.router import Router

_STRANGER: Final = "not in the catalogue of this machine"

EXAMPLES: Final = {
    "list": ("cogo models", "cogo models list --all", "cogo models --json"),
    "show": ("cogo models show claude-3.5-sonnet", "cogo models show coding --json"),
}


def list_(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also models that no key here opens, and retired ones.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List the models that this machine or a living executor can ask.

    With --all the whole catalogue, retired models included.
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    served = asyncio.run(_served(project, catalogue))
    names = list(dict.fromkeys([*served, *catalogue.models])) if every else list(served)
    models, strangers = _split(names, catalogue)
    if as_json:
        known = [_facts(model, catalogue, served_by=served.get(model.id)) for model in models]
        print_json([*known, *({"id": name, "served_by": served[name]} for name in strangers)])
    elif not names:
        print_text(
            "no model can be asked from here: set ANTHROPIC_API_KEY or start Ollama; "
            "`cogo up` then uses the vendor simulator; `cogo models --all` lists the catalogue"
        )
    else:
        print_table(
            ("MODEL", "MADE BY", "SERVED BY", "CONTEXT", "$/M IN", "$/M OUT", "ROLES"),
            [
                *(_row(model, catalogue, served_by=served.get(model.id)) for model in models),
                *((name, "-", served[name], "-", "-", "-", _STRANGER) for name in strangers),
            ],
            drop=("MADE BY", "CONTEXT"),
        )


def show(
    *,
    name: Annotated[str, typer.Argument(help="A name, alias or role.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show what a name stands for: the model, its facts, and who follows a retired one."""
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    found = resolved(catalogue, name)
    served = asyncio.run(_served(project, catalogue))
    facts = _facts(found.model, catalogue, served_by=served.get(found.model.id))
    if as_json:
        print_json({"asked": name, "asked_id": found.asked_id, "note": found.note, **facts})
        return
    if found.note:
        print_line(found.note)
    for key, value in facts.items():
        print_line(f"{key:<18}{_shown(value)}")


def _split(names: Sequence[str], catalogue: Catalogue) -> tuple[list[Model], list[str]]:
    """Return the models of these names, and the names that this catalogue does not know."""
    models, strangers = [], []
    for name in names:
        try:
            models.append(catalogue.model(name))
        except UnknownModel:
            strangers.append(name)
    return models, strangers


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case list():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{name} {fact}" for name, fact in value.items())
    return str(value)


async def _served(project: Project, catalogue: Catalogue) -> dict[str, str]:
    """Give who serves each model: this machine's keys and servers, and the living executors."""
    async with Router(catalogue, credentials(project, catalogue)) as router:
        await router.discover()
        served = dict.fromkeys(router.served_lanes(), "here")
    for agent in await _executors(project):
        by = "simulator" if agent.details.get("simulated") else "executors"
        served |= {lane: by for lane in agent.lanes if lane not in served}
    return served


async def _executors(project: Project) -> list[AgentRecord]:
    try:
        async with open_client(project) as client:
            return [each for each in await client.store.fetch_agents() if each.serves]
    except CogoError:
        return []  # the catalogue can be read without any Supabase


def _prices(model: Model, catalogue: Catalogue) -> Prices | None:
    place = Deployment(
        model=model, entry=model.deployments[0], host=_host(model, catalogue), base_url=""
    )
    return unit_prices(place)


def _host(model: Model, catalogue: Catalogue) -> Provider:
    return catalogue.providers[model.deployments[0].provider]


def _facts(model: Model, catalogue: Catalogue, *, served_by: str | None) -> dict[str, Any]:
    prices = _prices(model, catalogue)
    return {
        "id": model.id,
        "name": model.name,
        "maker": model.maker,
        "served_by": served_by,
        "providers": [each.provider for each in model.deployments],
        "roles": _roles(model, catalogue),
        "aliases": list(model.aliases),
        "capabilities": list(model.capabilities),
        "context_window": model.context_window,
        "max_output_tokens": model.max_output_tokens,
        "reasoning": model.reasoning,
        "inputs": list(model.inputs),
        "parameters": supported_parameters(model, _host(model, catalogue).adapter),
        "base": model.base,
        "key": _host(model, catalogue).how_to_open,
        "usd_per_million": prices.model_dump(mode="json") if prices else None,
        "retired_at": str(model.retirement.on) if model.retirement else None,
        "successor": model.retirement.successor if model.retirement else None,
    }


def _roles(model: Model, catalogue: Catalogue) -> list[str]:
    return [
        role
        for role, name in catalogue.roles.items()
        if catalogue.resolve(name).model.id == model.id
    ]


def _row(model: Model, catalogue: Catalogue, *, served_by: str | None) -> tuple[str, ...]:
    prices = _prices(model, catalogue)
    return (
        model.id,
        model.maker,
        served_by or ("retired" if model.retirement else "no key"),
        f"{model.context_window // 1000}k" if model.context_window else "-",
        f"{prices.input.normalize():f}" if prices else "-",
        f"{prices.output.normalize():f}" if prices else "-",
        ", ".join(_roles(model, catalogue)),
    )
