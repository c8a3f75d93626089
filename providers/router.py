"""From a canonical model id to a running call, with the credentials that are here."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from loguru import logger
from pydantic import SecretStr

from providers.adapters.base import Adapter, ListedModel, Timeouts
from providers.adapters.registry import make_adapter
from providers.calls.concurrency import ConcurrencyGate
from providers.calls.fallback import Absorbed, Chain
from providers.calls.load_balancing import Homes, in_order
from providers.calls.middleware import Errand, Gate
from providers.calls.prepare import prepared_chat, prompt_tokens
from providers.calls.timeouts import timeouts_for
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Credentials, Deployment
from providers.catalogue.discovery import LocalServer, find_servers
from providers.catalogue.keyring import Keyring, check_key
from providers.catalogue.listings import Listings
from providers.catalogue.schema import Provider, TimeoutSeconds
from providers.chat import ChatRequest, Event, Usage
from providers.errors import NotServed, UnknownModel
from providers.prices import Cost, cost_of, load_prices
from providers.secrets import Redactor

if TYPE_CHECKING:
    from providers.embeddings.embedder import Embedder

__all__ = ["Call", "Credential", "Credentials", "Deployment", "Router"]


class Call:
    """A call that begins when its events are first asked for. Close them (`aclosing`)."""

    def __init__(self, events: AsyncGenerator[Event, None], chain: Chain) -> None:
        self.events = events
        self._chain = chain

    @property
    def deployment(self) -> Deployment:
        """Who is asked, or was asked last: the first choice may fail before its first word."""
        return self._chain.deployment

    @property
    def absorbed(self) -> Sequence[Absorbed]:
        """The calls that failed unseen, before the one that counts."""
        return self._chain.absorbed


class Router:
    """Use it in one event loop, within `async with`: clients are opened on first use and kept."""

    def __init__(
        self,
        catalogue: Catalogue,
        credentials: Credentials,
        *,
        gates: Sequence[Gate] = (),
        reread: Callable[[bool], Credentials] | None = None,
        timeouts: TimeoutSeconds | None = None,
    ) -> None:
        """`timeouts` are the operator's; for `reread` see `Keyring`."""
        self.catalogue = catalogue
        self.keyring = Keyring(credentials, reread=reread)
        self.concurrency = ConcurrencyGate()
        self._gates = (self.concurrency, *gates)
        self._timeouts = timeouts
        self._homes = Homes()
        self.listings = Listings()
        self._embedder: Embedder | None = None
        self._servers: dict[str, LocalServer] = {}
        self._adapters: dict[tuple[str, str, str], Adapter] = {}
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
        servers = await find_servers(self.catalogue, self.keyring.credentials)
        self._servers = {server.provider: server for server in servers}
        return servers

    def is_open(self, model_id: str) -> bool:
        """Whether a call of this model could begin at once, without imports.

        False for what is not served, or not even known, any more.
        """
        try:
            first = next(iter(self.deployments(model_id)), None)
        except UnknownModel:
            return False
        return first is not None and any(
            place[:2] == (first.provider, first.base_url) for place in self._adapters
        )

    async def open(self, model_id: str) -> None:
        """Open what a served model is called through, so that no first call pays for imports.

        Raises whatever the first call would have raised.
        """
        found = self.deployments(model_id)
        if not found:
            raise NotServed(self._missing(model_id))
        first = found[0]
        await self._adapter(first.host, first.base_url, self.keyring.choose(first.provider))

    def served_lanes(self) -> list[str]:
        """Canonical ids of all models that can be called now; retired ones are left out."""
        lanes = [
            model.id
            for model in self.catalogue.models.values()
            if (model.retirement is None or self.listings.revives(model))
            and self.deployments(model.id)
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
            gone = self.listings.lacks(model, entry.provider, entry.model)
            if base_url is not None and not gone:
                given = self.keyring.get(host.id)
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
        """Put the deployments in order and prepare the call; `request.model` is filled in.

        `errand` says for whom and how long it may take; `timeouts` replaces all rules for that.

        Raises:
            UnknownModel: it is not a canonical id.
            NotServed: nothing here can, or may, answer for it; the message says what is missing.
        """
        errand = errand or Errand()
        model = self.catalogue.model(model_id)
        chain = Chain(
            deployments=in_order(
                self._allowed(model_id, errand),
                errand,
                strategy=model.routing,
                busy=self.concurrency.busy,
                pace=self.concurrency.pace,
                prompt=partial(prompt_tokens, request),
                home=self._homes.of(errand),
            ),
            prepare=lambda place: prepared_chat(request, place, self._opened, self.redactor(place)),
            errand=errand,
            gates=self._gates,
            keyring=self.keyring,
            timeouts=lambda place: (
                timeouts
                or timeouts_for(
                    place,
                    asked=errand.timeouts,
                    settings=self._timeouts,
                    left=errand.time_left,
                )
            ),
        )
        return Call(self._events(chain), chain)

    def stream(
        self, model_id: str, request: ChatRequest, *, timeouts: Timeouts | None = None
    ) -> AsyncGenerator[Event, None]:
        """The events of `call`, for those who do not ask where they come from."""
        return self.call(model_id, request, timeouts=timeouts).events

    async def embedder(self) -> "Embedder":
        """What embeds texts behind the same gates, with the same keys; opened on first use."""
        async with self._opening:
            if self._embedder is None:
                make = await asyncio.to_thread(_embedder_class)
                embedder = make(
                    self.catalogue,
                    self.keyring,
                    base_url=self._base_url,
                    gates=self._gates,
                    timeouts=self._timeouts,
                )
                self._embedder = await self._stack.enter_async_context(embedder)
            return self._embedder

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
            raise NotServed(host.how_to_open)
        adapter = await self._adapter(host, base_url, self.keyring.choose(provider_id))
        listed = await adapter.list_models()
        if host.listing_decides:
            self._keep_listing(host, [each.id for each in listed])
        return listed

    def _keep_listing(self, host: Provider, ids: Sequence[str]) -> None:
        """Keep a list, unless no model in it is known here: its names then have another form."""
        known = {
            entry.model
            for model in self.catalogue.models.values()
            for entry in model.deployments
            if entry.provider == host.id
        }
        if known.isdisjoint(ids):
            logger.warning(
                "a list of models names none that is known here, so it removes none",
                provider=host.id,
                listed=len(ids),
            )
        else:
            self.listings.keep(host.id, ids)

    def redactor(self, deployment: Deployment) -> Redactor:
        """Return what masks keys in the prompts and the answers of a deployment."""
        return self.keyring.redactor(shapes=deployment.masks_keys)

    def _allowed(self, model_id: str, errand: Errand) -> list[Deployment]:
        """The deployments that can be called from here and that the errand does not forbid."""
        found = self.deployments(model_id)
        if not found:
            raise NotServed(self._missing(model_id))
        if errand.forbids is None:
            return found
        reasons = {each.id: errand.forbids(each) for each in found}
        allowed = [each for each in found if reasons[each.id] is None]
        if not allowed:
            why = "; ".join(f"{place}: {reason}" for place, reason in reasons.items())
            raise NotServed(f"{found[0].model.name} must not be called for this: {why}")
        return allowed

    async def _events(self, chain: Chain) -> AsyncGenerator[Event, None]:
        async with aclosing(chain.events()) as events:
            async for event in events:
                yield event
        self._homes.settle(chain.errand, chain.deployment)

    async def _opened(self, place: Deployment, key: SecretStr | None) -> Adapter:
        return await self._adapter(place.host, place.base_url, key)

    async def _adapter(self, host: Provider, base_url: str, key: SecretStr | None) -> Adapter:
        check_key(host, key)
        async with self._opening:
            place = (host.id, base_url, key.get_secret_value() if key else "")
            if place not in self._adapters:
                adapter = await asyncio.to_thread(_load, host, base_url, key)
                self._adapters[place] = await self._stack.enter_async_context(adapter)
            return self._adapters[place]

    def _base_url(self, host: Provider) -> str | None:
        """Where to call this provider, `None` when something is missing."""
        server = self._servers.get(host.id)
        if server is not None:
            return server.base_url
        given = self.keyring.get(host.id)
        if given is None or (given.key is None and not host.key_is_optional):
            return None
        return given.base_url or host.base_url

    def _missing(self, model_id: str) -> str:
        model = self.catalogue.model(model_id)
        hosts = dict.fromkeys(entry.provider for entry in model.deployments)
        gone = [host for host in hosts if self.listings.lacks_all(model, host)]
        reasons = [f"{self.catalogue.providers[host].name} lists it no more" for host in gone]
        ways = [self.catalogue.providers[host].how_to_open for host in hosts if host not in gone]
        why = "; ".join([*reasons, " or ".join(ways)] if ways else reasons)
        return f"{model.name} cannot be called from here: {why}"


def _embedder_class() -> "type[Embedder]":
    from providers.embeddings.embedder import Embedder  # noqa: PLC0415  its HTTP stack is large

    return Embedder


def _load(host: Provider, base_url: str, key: SecretStr | None) -> Adapter:
    """Everything that blocks before a first call and its cost."""
    if host.genai_prices is not None:
        load_prices()
    return make_adapter(host, base_url=base_url, key=key)
