"""From a canonical model id to a running call, with the credentials that are here.

No retries: a failed call goes back to the task, which knows its budget and its other models.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from providers.adapter import Adapter, ListedModel, Timeouts
from providers.calling import make_call
from providers.catalogue import Catalogue
from providers.chat import ChatRequest, Event, Usage
from providers.deployment import Credential, Credentials, Deployment
from providers.discovery import LocalServer, find_servers
from providers.entries import Provider
from providers.errors import NotServed
from providers.factory import make_adapter
from providers.gates import Errand, Gate, VendorCall
from providers.limits import ConcurrencyLimits
from providers.prices import Cost, cost_of, load_prices

__all__ = ["Call", "Credential", "Credentials", "Deployment", "Router"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that begins when its events are first asked for. Close them (`aclosing`)."""

    deployment: Deployment
    events: AsyncGenerator[Event, None]


class Router:
    """Use it in one event loop, within `async with`: clients are opened on first use and kept."""

    def __init__(
        self, catalogue: Catalogue, credentials: Credentials, *, gates: Sequence[Gate] = ()
    ) -> None:
        self.catalogue = catalogue
        self._credentials = credentials
        self._gates = tuple(gates)
        self._limits = ConcurrencyLimits()
        self._servers: dict[str, LocalServer] = {}
        self._adapters: dict[tuple[str, str], Adapter] = {}
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def discover(self) -> list[LocalServer]:
        """Look for model servers on this machine; call it again to see what has changed."""
        servers = await find_servers(self.catalogue, self._credentials)
        self._servers = {server.provider: server for server in servers}
        return servers

    def is_open(self, model_id: str) -> bool:
        """Whether a call of this model could begin at once, without imports."""
        first = self.deployments(model_id)[0]
        return (first.provider, first.base_url) in self._adapters

    async def open(self, model_id: str) -> None:
        """Open what a served model is called through, so that no first call pays for imports.

        Raises whatever the first call would have raised.
        """
        first = self.deployments(model_id)[0]
        await self._adapter(first.host, first.base_url)

    def served_lanes(self) -> list[str]:
        """Canonical ids of all models that can be called now; retired ones are left out."""
        lanes = [
            model.id
            for model in self.catalogue.models.values()
            if model.retirement is None and self.deployments(model.id)
        ]
        local = [f"{each.provider}/{id_}" for each in self._servers.values() for id_ in each.models]
        return list(dict.fromkeys([*lanes, *local]))

    def deployments(self, model_id: str) -> list[Deployment]:
        """Where this model can be called from here, the preferred place first.

        Raises:
            UnknownModel: it is not a canonical id.
        """
        model = self.catalogue.model(model_id)
        found = []
        for entry in model.deployments:
            host = self.catalogue.providers[entry.provider]
            base_url = self._base_url(host)
            if base_url is not None:
                given = self._credentials.get(host.id)
                found.append(
                    Deployment(
                        model=model,
                        entry=entry,
                        host=host,
                        base_url=base_url,
                        simulated=given is not None and given.simulated,
                    )
                )
        return found

    def call(
        self,
        model_id: str,
        request: ChatRequest,
        *,
        errand: Errand | None = None,
        timeouts: Timeouts | None = None,
    ) -> Call:
        """Choose a deployment and prepare the call; `request.model` is replaced by its own id.

        `errand` is what gates judge by: for whom the call is made.

        Raises:
            UnknownModel: it is not a canonical id.
            NotServed: nothing here can answer for it; the message says what is missing.
        """
        deployments = self.deployments(model_id)
        if not deployments:
            raise NotServed(self._missing(model_id))
        deployment = deployments[0]
        return Call(
            deployment=deployment,
            events=self._events(deployment, request, errand or Errand(), timeouts or Timeouts()),
        )

    def stream(
        self, model_id: str, request: ChatRequest, *, timeouts: Timeouts | None = None
    ) -> AsyncGenerator[Event, None]:
        """The events of `call`, for those who do not ask where they come from."""
        return self.call(model_id, request, timeouts=timeouts).events

    def cost(self, usage: Usage, deployment: Deployment) -> Cost | None:
        """What this usage costs there; see `cost_of`."""
        return cost_of(usage, deployment)

    async def list_models(self, provider_id: str) -> list[ListedModel]:
        """What a provider says that it serves to our key.

        Raises:
            NotServed: there is no key or server for it here.
            CallFailed: the provider did not answer as it should.
        """
        host = self.catalogue.providers[provider_id]
        base_url = self._base_url(host)
        if base_url is None:
            raise NotServed(_how_to_open(host))
        adapter = await self._adapter(host, base_url)
        return await adapter.list_models()

    async def _events(
        self, deployment: Deployment, request: ChatRequest, errand: Errand, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        fitted, notes = deployment.fitted(request)
        call = VendorCall(deployment=deployment, request=fitted, errand=errand)

        async def adapter() -> Adapter:
            return await self._adapter(deployment.host, deployment.base_url)

        async with (
            self._limits.of(deployment),
            aclosing(
                make_call(call, self._gates, adapter, timeouts=timeouts, notes=notes)
            ) as events,
        ):
            async for event in events:
                yield event

    async def _adapter(self, host: Provider, base_url: str) -> Adapter:
        async with self._opening:
            place = (host.id, base_url)
            if place not in self._adapters:
                given = self._credentials.get(host.id)
                key = given.key if given else None
                adapter = await asyncio.to_thread(_load, host, base_url, key)
                self._adapters[place] = await self._stack.enter_async_context(adapter)
            return self._adapters[place]

    def _base_url(self, host: Provider) -> str | None:
        """Where to call this provider, `None` when something is missing."""
        server = self._servers.get(host.id)
        if server is not None:
            return server.base_url
        given = self._credentials.get(host.id)
        if given is None or (given.key is None and not host.key_is_optional):
            return None
        return given.base_url or host.base_url

    def _missing(self, model_id: str) -> str:
        model = self.catalogue.model(model_id)
        hosts = dict.fromkeys(entry.provider for entry in model.deployments)
        ways = " or ".join(_how_to_open(self.catalogue.providers[host]) for host in hosts)
        return f"{model.name} cannot be called from here: {ways}"


def _load(host: Provider, base_url: str, key: SecretStr | None) -> Adapter:
    """Everything that blocks before a first call and its cost."""
    if host.genai_prices is not None:
        load_prices()
    return make_adapter(host, base_url=base_url, key=key)


def _how_to_open(host: Provider) -> str:
    if host.local:
        return f"start {host.name}"
    if host.base_url is None and host.base_url_variables:
        return f"set {host.base_url_variables[0]} to the base URL of {host.name}"
    page = f" (get one at {host.key_page})" if host.key_page else ""
    return f"set {host.key_variables[0]} to a key of {host.name}{page}"
