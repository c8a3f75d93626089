"""The models of servers of the operator, as lanes and as deployments."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from providers.adapters.local.discovery import Discovery, LocalServer
from providers.catalogue.addresses import find_other_host
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials, Deployment
from providers.catalogue.open_models import OLLAMA, GetMeasured, OpenModel, build_open_model
from providers.catalogue.schema import Model, Provider

_CLOUD: Final = ("-cloud", ":cloud")
"""Ends of the names of models that Ollama passes on to its cloud, whether it says so or not."""


class LocalModels:
    """The servers that were found last, and what is known of their models."""

    def __init__(self, catalogue: Catalogue, measured: GetMeasured | None) -> None:
        """Begin without servers; `measured` is read once for each lane after each discovery."""
        self._catalogue = catalogue
        self._measured = measured
        self._discovery = Discovery()
        self._servers: dict[str, list[LocalServer]] = {}
        self._known: dict[tuple[str, str, int], OpenModel] = {}
        """By lane, provider and edition of the catalogue."""

    async def discover(self, credentials: Credentials, *, recheck: bool) -> list[LocalServer]:
        """Look for servers; see `Discovery.find`."""
        servers = await self._discovery.find(self._catalogue, credentials, recheck=recheck)
        self.replace(servers)
        return servers

    def replace(self, servers: list[LocalServer]) -> None:
        """Use these servers from now on."""
        self._servers = {server.provider: [] for server in servers}
        for server in servers:
            self._servers[server.provider].append(server)
        self._known.clear()

    def has_server(self, provider: str) -> bool:
        """Return whether a server of a provider was found."""
        return provider in self._servers

    def get_base_url(self, provider: str, own_id: str | None = None) -> str | None:
        """Return the base URL of the server of a provider that has a model, or of its only one.

        None if no server was found, or if none has this model of the catalogue.
        """
        if own_id is not None:
            server = self._find_server(provider, own_id)
            if server is not None:
                return server.base_url
            if own_id in self._catalogue.list_own_ids(provider):
                return None
        servers = self._servers.get(provider)
        return servers[0].base_url if servers else None

    def list_lanes(self) -> list[str]:
        """Return the lanes of models without an entry in the catalogue."""
        return self._list_ids(lambda host: host.any_model, self._list_unlisted)

    def list_former_lanes(self) -> list[str]:
        """Return the lanes of paths that models had before they had names."""
        return self._list_ids(lambda host: host.any_model, lambda server: server.own_ids.values())

    def list_embedding_ids(self) -> list[str]:
        """Return the names of models that turn texts into vectors."""
        return self._list_ids(lambda host: host.any_model, lambda server: server.embedding_models)

    def list_rerank_ids(self) -> list[str]:
        """Return the names of models that rank documents."""
        return self._list_ids(
            lambda host: host.rerank is not None, lambda server: server.rerank_models
        )

    def find_lane(self, model_id: str) -> str:
        """Return the lane of a model, which may be named by its path."""
        provider, _, own = model_id.partition("/")
        server = self._find_server(provider, own)
        name = None if server is None else server.find_model(own)
        return model_id if name is None else f"{provider}/{name}"

    def get_model(self, model_id: str) -> Model:
        """Return a model with what is known of it at its server. Raises UnknownModel."""
        model = self._catalogue.get_model(self.find_lane(model_id))
        hosts = self._catalogue.providers
        places = (
            Deployment(model=model, entry=entry, host=hosts[entry.provider], base_url="")
            for entry in model.deployments
        )
        found = (self.add_facts(each) for each in places)
        return next((each.model for each in found if each.probed is not None), model)

    def add_facts(self, deployment: Deployment) -> Deployment:
        """Return a deployment with what is known of its model, if its server was found."""
        lane, own_id = deployment.model.id, deployment.entry.model
        is_remote = deployment.provider == OLLAMA and own_id.endswith(_CLOUD)
        server = self._find_server(deployment.provider, own_id)
        url = deployment.base_url if server is None else server.base_url
        is_elsewhere = deployment.host.local and bool(url and find_other_host(url))
        name = None if server is None else server.find_model(own_id)
        if server is None or name is None:
            if not (is_remote or is_elsewhere):
                return deployment
            stated = OpenModel(
                lane=lane,
                own_id=own_id,
                is_remote=is_remote or None,
                is_elsewhere=is_elsewhere,
                source="table",
            )
            return deployment.with_probed(stated)
        key = (lane, server.provider, self._catalogue.edition)
        if key not in self._known:
            user, table = self._catalogue.get_stated_facts(lane)
            known = build_open_model(
                lane,
                server.get_own_id(name),
                user=user,
                probe=server.probed.get(name, {}),
                table=table,
                measured=self._measured(lane) if self._measured else None,
            )
            self._known[key] = replace(
                known, is_elsewhere=is_elsewhere, is_remote=is_remote or known.is_remote
            )
        return deployment.with_probed(self._known[key])

    def _find_server(self, provider: str, own_id: str) -> LocalServer | None:
        servers = self._servers.get(provider, ())
        return next((each for each in servers if each.find_model(own_id) is not None), None)

    def _list_unlisted(self, server: LocalServer) -> list[str]:
        listed = self._catalogue.list_own_ids(server.provider)
        return [name for name in server.models if name not in listed]

    def _list_ids(
        self,
        serves: Callable[[Provider], bool],
        select: Callable[[LocalServer], Iterable[str]],
    ) -> list[str]:
        return [
            f"{server.provider}/{name}"
            for servers in self._servers.values()
            for server in servers
            if serves(self._catalogue.providers[server.provider])
            for name in select(server)
        ]
