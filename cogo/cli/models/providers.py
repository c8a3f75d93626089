"""`cogo models test|discover`: requests to the providers themselves."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from cogo.cli.models.catalogue_diff import CatalogueDiff, compare_listing
from cogo.cli.models.names import find_current_models
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.config.catalogue import load_catalogue, load_credentials
from cogo.config.context import Project
from cogo.errors import CommandError, UsageError
from cogo.smoke_test import HEADINGS, SmokeTestReport, build_rows, try_models, try_providers
from cogo.terminal import print_json, print_line, print_table
from cogo.wiring.models.spending_gate import open_spending_gate
from providers.adapters.http.sse import set_raw_event_listener
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials
from providers.errors import ProviderError
from providers.router import Router

_SHOWN: Final = 20

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME", help="Names, aliases or roles of models.")
]
Providers = Annotated[
    list[str] | None,
    typer.Argument(metavar="PROVIDER", help="Ids of providers (default: all with a key here)."),
]
DebugSse = Annotated[
    bool,
    typer.Option("--debug-sse", help="Print raw stream events to standard error."),
]


def test_models(
    *,
    names: Names = None,
    debug_sse: DebugSse = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Send test requests to models.

    For each model: the list of its provider, a completion, a stream and a tool call. Without
    names, the cheapest model of each provider with a key here. Costs a fraction of a cent per
    model, which no cap limits and no list of calls shows; nothing is sent while spending is
    stopped. Exits with 1 if a request fails or none can be made.

    Examples:
        cogo models test
        cogo models test claude-sonnet-5-5 coding
        cogo models test fireworks/kimi-k3 --debug-sse
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    given = load_credentials(project, catalogue)
    ids = [model.id for model in find_current_models(catalogue, names or [])]
    if debug_sse:
        set_raw_event_listener(lambda vendor, line: print_line(f"{vendor}: {line}", err=True))
    ended: list[SmokeTestReport] = []
    total = len(ids) or len(given)

    async def test(bar: Bar) -> list[SmokeTestReport]:
        def report(found: SmokeTestReport) -> None:
            ended.append(found)
            bar.advance()

        async with open_spending_gate(project) as gate:
            if ids:
                return await try_models(catalogue, given, ids, middleware=gate, on_report=report)
            return await try_providers(catalogue, given, middleware=gate, on_report=report)

    try:
        hidden = as_json or debug_sse
        with open_bar("test models", total, is_hidden=hidden, explain=_explain) as bar:
            reports = asyncio.run(test(bar))
    except ProviderError as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt:
        _print_reports(ended, as_json=as_json)
        raise
    _print_reports(reports, as_json=as_json)
    if not reports or not all(report.ok for report in reports):
        raise typer.Exit(1)


def _print_reports(reports: Sequence[SmokeTestReport], *, as_json: bool) -> None:
    if as_json:
        print_json(reports)
    elif not reports:
        print_line("no provider has a key here: set one, for example ANTHROPIC_API_KEY")
    else:
        print_table(HEADINGS, build_rows(reports), drop=("USD", "SECONDS", "PROVIDER"))


def _explain(bar: Bar) -> str:
    return f"interrupted after {bar.done:,} of {bar.total:,}; name models to test only those"


def compare(*, providers: Providers = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Compare providers with the catalogue.

    Shows the models that each provider lists in addition, lists no longer, or prices differently.
    Changes nothing: add what you want to cogo.toml.

    Examples:
        cogo models discover
        cogo models discover openrouter --json
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    given = load_credentials(project, catalogue)
    for name in providers or []:
        if name not in catalogue.providers:
            known = ", ".join(catalogue.providers)
            raise UsageError(f"unknown provider {name!r}; the providers are {known}")
    asked = providers or [name for name in catalogue.providers if name in given]
    with open_bar(
        "compare providers", len(asked), is_hidden=as_json, explain=_explain_lists
    ) as bar:
        found, failed = asyncio.run(_discover(catalogue, given, asked, bar))
    if as_json:
        print_json([*found, *({"provider": name, "error": why} for name, why in failed.items())])
    else:
        for each in found:
            _print_diff(each)
        for name, why in failed.items():
            print_line(f"{name}: {why}", err=True)
        if not asked:
            print_line("no provider has a key here: set one, for example ANTHROPIC_API_KEY")
    if failed:
        raise typer.Exit(1)


def _explain_lists(bar: Bar) -> str:
    return f"interrupted after {bar.done:,} of {bar.total:,} providers; name some to ask only those"


async def _discover(
    catalogue: Catalogue, given: Credentials, asked: list[str], bar: Bar
) -> tuple[list[CatalogueDiff], dict[str, str]]:
    """Return the differences of each provider that answers, and the errors of the others."""
    found: list[CatalogueDiff] = []
    failed: dict[str, str] = {}
    async with Router(catalogue, given) as router:
        await router.discover()

        async def ask(name: str) -> None:
            try:
                listed = await router.list_models(name)
            except ProviderError as error:
                failed[name] = str(error)
            else:
                found.append(compare_listing(catalogue, name, listed))
            bar.advance()

        async with asyncio.TaskGroup() as group:
            for name in asked:
                group.create_task(ask(name), name=f"list {name}")
    return sorted(found, key=lambda each: asked.index(each.provider)), failed


def _print_diff(found: CatalogueDiff) -> None:
    print_line(f"{found.provider}: {found.listed} models listed")
    for what, names in (("new", found.new), ("gone", found.gone)):
        shown = ", ".join(names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more (--json has all)" if len(names) > _SHOWN else ""
        if names:
            print_line(f"  {what}: {shown}{more}")
    for name, day in found.retiring:
        print_line(f"  retiring: {name} on {day}")
    if found.listed and not found.priced:
        print_line("  the list has no prices: none were compared")
    for change in found.repriced:
        had, now = change.catalogue, change.listed
        print_line(
            f"  price: {change.model} {had[0]:f}/{had[1]:f} in the catalogue, "
            f"{now[0]:f}/{now[1]:f} listed"
        )
