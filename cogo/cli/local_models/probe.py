"""`cogo models probe`: measures models on this machine."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Annotated

import typer

from cogo.cli.local_models.servers import explain_weights, list_kept, open_servers
from cogo.cli.options import AsJson, Dir
from cogo.cli.progress import Bar, open_bar
from cogo.config.catalogue import load_catalogue, load_credentials
from cogo.config.context import Project
from cogo.config.local_model import PROVIDER, find_served_model
from cogo.errors import CommandError
from cogo.local_model.library import find_installed_model
from cogo.local_model.measure import (
    STEPS,
    Measurement,
    describe_measurement,
    measure_model,
)
from cogo.local_model.measured import record_measured
from cogo.local_model.packages import SERVER
from cogo.terminal import count_noun, print_json, print_text
from cogo.wiring.models.spending_gate import open_spending_gate
from protocol.ids import utc_now
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials
from providers.errors import ProviderError, UnknownModel
from providers.router import Router


def probe(
    *,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Models that are served here.")
    ],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Measure how fast models answer here, and whether they call tools and follow a schema.

    Takes up to a minute for each. The result is kept, and used when models are chosen. Nothing is
    asked while spending is stopped.

    Examples:
        cogo models probe smollm2
        cogo models probe ollama/llama3.1:8b --json
    """
    project = Project.find(directory)
    catalogue = load_catalogue(project)
    credentials = load_credentials(project, catalogue)
    done: list[str] = []

    def explain(_: Bar) -> str:
        return (
            f"interrupted after {len(done):,} of {count_noun(len(names), 'model')}, whose results "
            "are kept; name the others to go on"
        )

    total = STEPS * len(names)
    with (
        explain_weights(),
        open_bar("measure models", total, is_hidden=as_json, explain=explain) as bar,
    ):
        for name in names:
            bar.show(STEPS * len(done), text=f"measure {name}")
            lane, version = asyncio.run(_find_version(project, name))
            found = asyncio.run(
                measure_lane(project, catalogue, credentials, lane, version, on_step=bar.advance)
            )
            done.append(name)
            if as_json:
                print_json({"model": lane, **asdict(found)})
                continue
            print_text(f"{lane}: {describe_measurement(found)}")
            for failure in found.failures:
                print_text(f"  {failure}", err=True)


async def measure_lane(
    project: Project,
    catalogue: Catalogue,
    credentials: Credentials,
    lane: str,
    version: str,
    *,
    on_step: Callable[[], None] = lambda: None,
) -> Measurement:
    """Measure a model and keep the result.

    Raises CommandError, also while spending is stopped.
    """
    async with (
        open_spending_gate(project) as gate,
        Router(catalogue, credentials, middleware=gate) as router,
    ):
        await router.discover()
        try:
            found = await measure_model(router, lane, at=utc_now(), on_step=on_step)
        except UnknownModel as error:
            raise CommandError(_explain_unserved(lane)) from error
        except ProviderError as error:
            raise CommandError(f"{lane} cannot be measured: {error}") from error
    served = find_served_model(lane.removeprefix(f"{PROVIDER}/"))
    if served is not None and served.parallel == 1:
        # It answered one after the other: the next server tries two at once again.
        found = replace(found, measured=replace(found.measured, parallel=None))
    record_measured(lane, version, found.measured)
    return found


def _explain_unserved(lane: str) -> str:
    model = find_installed_model(lane)
    if model is not None:
        return f"{model.alias} is not served now: `cogo models serve {model.alias}` serves it"
    return f"no server on this machine has {lane!r}; `cogo models` lists what is served here"


def get_version(file_version: str) -> str:
    """Return the version of a file together with that of COGO's own server."""
    return f"{file_version} {SERVER.folder}"


async def _find_version(project: Project, name: str) -> tuple[str, str]:
    """Return the lane of a model, and a text that changes with its file and server."""
    model = find_installed_model(name)
    if model is not None:
        return model.lane, get_version(model.version)
    async with open_servers(project) as servers:
        for kept in await list_kept(servers):
            if name in {kept.lane, kept.model.name}:
                return kept.lane, kept.model.digest or ""
    return name, ""
