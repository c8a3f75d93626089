"""Ollama and LM Studio on this machine, as the settings of a project name them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from cogo.config.catalogue import load_catalogue, load_credentials
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.local_model.sources import Hub, Means
from providers.adapters.weights.client import KeptModel, WeightsUnavailable, open_http
from providers.adapters.weights.hub import HUB
from providers.adapters.weights.lm_studio import LmStudioModels
from providers.adapters.weights.ollama import OllamaModels

KeepingServer = OllamaModels | LmStudioModels
_NAMES: Final = {Means.OLLAMA: "Ollama", Means.LM_STUDIO: "LM Studio"}


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that a server of the operator keeps."""

    server: KeepingServer
    model: KeptModel

    @property
    def lane(self) -> str:
        """Its name for tasks."""
        return f"{self.server.name}/{self.model.name}"


@contextmanager
def explain_weights() -> Iterator[None]:
    """Raise CommandError instead of WeightsUnavailable."""
    try:
        yield
    except WeightsUnavailable as error:
        raise CommandError(str(error)) from error


@asynccontextmanager
async def open_servers(project: Project) -> AsyncIterator[dict[Means, KeepingServer]]:
    """Open clients of Ollama and LM Studio, whether they run or not."""
    catalogue = load_catalogue(project)
    credentials = load_credentials(project, catalogue)

    def get_url(means: Means) -> str:
        given = credentials.get(means.value)
        return (given and given.base_url) or catalogue.providers[means.value].base_url or ""

    async with open_http() as http:
        yield {
            Means.OLLAMA: OllamaModels(http, get_url(Means.OLLAMA)),
            Means.LM_STUDIO: LmStudioModels(http, get_url(Means.LM_STUDIO)),
        }


async def list_kept(servers: dict[Means, KeepingServer]) -> list[FoundModel]:
    """Return the models of the servers that run."""
    found = []
    for server in servers.values():
        try:
            found += [FoundModel(server, each) for each in await server.list_models()]
        except WeightsUnavailable:
            continue  # it is not running
    return found


async def find_running(servers: dict[Means, KeepingServer]) -> frozenset[Means]:
    """Return which of the servers answer."""
    running = set()
    for means, server in servers.items():
        try:
            await server.list_models()
        except WeightsUnavailable:
            continue
        running.add(means)
    return frozenset(running)


def get_hub(project: Project) -> Hub:
    """Return the hub that HF_ENDPOINT names, with the key in HF_TOKEN."""
    settings = project.settings
    endpoint = (settings.value("HF_ENDPOINT") or HUB).rstrip("/")
    return Hub(endpoint=endpoint, token=settings.secret("HF_TOKEN"))


def get_server_name(means: Means) -> str:
    """Return the name of a server for messages."""
    return _NAMES[means]
