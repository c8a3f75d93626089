"""`cogo models test|discover|prices`: what the providers themselves say and do."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from cogo.cli.models.catalogue_diff import Comparison, compare
from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import credentials, load_catalogue, named_model
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.smoke_test import HEADINGS, Report, rows_of, try_models, try_providers
from cogo.terminal import print_json, print_line, print_table
from providers.adapters.http.debug import print_raw_events
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials, Deployment
from providers.errors import ProviderError
from providers.prices import unit_prices
from providers.router import Router

EXAMPLES: Final = {
    "test": (
        "cogo models test",
        "cogo models test claude-sonnet-5-5 coding",
        "cogo models test fireworks/kimi-k3 --debug-sse",
    ),
    "discover": ("cogo models discover", "cogo models discover openrouter --json"),
    "prices": ("cogo models prices", "cogo models prices claude-opus-5-5 gpt-6-sol"),
}
_SHOWN: Final = 20

Names = Annotated[list[str] | None, typer.Argument(help="Names, aliases or roles of models.")]
Providers = Annotated[
    list[str] | None, typer.Argument(help="Ids of providers (default: all that are open here).")
]
DebugSse = Annotated[
    bool, typer.Option("--debug-sse", help="Print what vendors stream, as it comes, to stderr.")
]


def test(
    *,
    names: Names = None,
    debug_sse: DebugSse = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Try models for real: their provider's list, an answer, a stream, a tool call.

    Without a name, one cheap model of each provider that is open here. Costs a fraction of a cent
    each. Exits with 1 when a step failed or nothing could be tried.
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    given = credentials(project, catalogue)
    if debug_sse:
        print_raw_events(lambda vendor, line: print_line(f"{vendor}: {line}", err=True))
    reports = asyncio.run(_test(catalogue, given, names or []))
    if as_json:
        print_json([asdict(report) for report in reports])
    elif not reports:
        print_line("no provider is open here: set a key such as ANTHROPIC_API_KEY")
    else:
        print_table(HEADINGS, rows_of(reports), drop=("USD", "SECONDS", "PROVIDER"))
    if not reports or not all(report.ok for report in reports):
        raise typer.Exit(1)


async def _test(catalogue: Catalogue, given: Credentials, names: list[str]) -> list[Report]:
    if not names:
        return await try_providers(catalogue, given)
    ids = [named_model(catalogue, name).id for name in names]
    try:
        return await try_models(catalogue, given, ids)
    except ProviderError as error:
        raise CommandError(str(error)) from error


def discover(
    *, providers: Providers = None, directory: Dir = None, as_json: AsJson = False
) -> None:
    """Ask providers what they serve, and show what is new, gone or priced differently.

    Nothing is changed: enter what you want in cogo.toml.
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    given = credentials(project, catalogue)
    for name in providers or []:
        if name not in catalogue.providers:
            known = ", ".join(catalogue.providers)
            raise CommandError(f"unknown provider {name!r}; there are {known}")
    asked = providers or [name for name in catalogue.providers if name in given]
    found, failed = asyncio.run(_discover(catalogue, given, asked))
    if as_json:
        rows: list[Any] = [asdict(each) for each in found]
        print_json([*rows, *({"provider": name, "error": why} for name, why in failed.items())])
    else:
        for each in found:
            _show_comparison(each)
        for name, why in failed.items():
            print_line(f"{name}: {why}", err=True)
        if not asked:
            print_line("no provider is open here: set a key such as ANTHROPIC_API_KEY")
    if failed:
        raise typer.Exit(1)


async def _discover(
    catalogue: Catalogue, given: Credentials, asked: list[str]
) -> tuple[list[Comparison], dict[str, str]]:
    """Compare those that answer, and say why the others did not."""
    found: list[Comparison] = []
    failed: dict[str, str] = {}
    async with Router(catalogue, given) as router:
        await router.discover()

        async def ask(name: str) -> None:
            try:
                listed = await router.list_models(name)
            except ProviderError as error:
                failed[name] = str(error)
            else:
                found.append(compare(catalogue, name, listed))

        async with asyncio.TaskGroup() as group:
            for name in asked:
                group.create_task(ask(name), name=f"list {name}")
    return sorted(found, key=lambda each: asked.index(each.provider)), failed


def _show_comparison(found: Comparison) -> None:
    print_line(f"{found.provider}: {found.listed} models listed")
    for what, names in (("new", found.new), ("gone", found.gone)):
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more (--json has all)" if len(names) > _SHOWN else ""
        if names:
            print_line(f"  {what}: {shown}{more}")
    for name, day in found.retiring:
        print_line(f"  retiring: {name} on {day}")
    if found.listed and not found.priced:
        print_line("  no prices listed: the catalogue's were not compared")
    for change in found.repriced:
        had, now = change.catalogue, change.listed
        print_line(
            f"  price: {change.model} {had[0]:f}/{had[1]:f} here, {now[0]:f}/{now[1]:f} there"
        )


def prices(*, names: Names = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Show what models cost, in dollars per million tokens, and where each price comes from.

    A dash is an unknown price, which is not zero.
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    if names:
        models = [named_model(catalogue, name) for name in names]
    else:
        models = [model for model in catalogue.models.values() if model.retirement is None]
    places = [
        Deployment(model=model, entry=entry, host=catalogue.providers[entry.provider], base_url="")
        for model in models
        for entry in model.deployments
    ]
    found = [(place, unit_prices(place)) for place in places]
    if as_json:
        print_json(
            [
                {
                    "model": place.model.id,
                    "provider": place.provider,
                    "usd_per_million": each.model_dump(mode="json") if each else None,
                }
                for place, each in found
            ]
        )
        return
    rows = []
    for place, each in found:
        numbers = (each.input, each.cached, each.cache_write, each.output) if each else (None,) * 4
        shown = tuple("-" if number is None else f"{number.normalize():f}" for number in numbers)
        source = (
            f"{each.source}{f', {each.checked_on}' if each.checked_on else ''}" if each else "-"
        )
        rows.append((place.model.id, place.provider, *shown, source))
    print_table(
        ("MODEL", "PROVIDER", "IN", "CACHED", "CACHE WRITE", "OUT", "SOURCE"),
        rows,
        drop=("CACHE WRITE", "CACHED", "SOURCE"),
    )
