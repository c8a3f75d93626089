"""The entry point for calling models by canonical id.

`Router.call` orders the deployments that have a key or a server here (`calls/load_balancing.py`)
and calls them one after the other (`calls/fallback.py`). An adapter sends each request.

A 429 is handled in four places: `adapters/http/error_mapping.py` maps it to `RateLimited`,
`calls/retries.py` decides what to do (another key, another deployment, a short wait, or give up),
`calls/fallback.py` does it, and `calls/concurrency.py` lowers the deployment's concurrency limit.
If the call still fails, the agent's failure policy retries, reroutes or snoozes the subtask.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from providers.adapters.base import Adapter, Timeouts
from providers.adapters.listings import ListedModel, Listings
from providers.adapters.local.discovery import LocalServer
from providers.adapters.local.local_models import LocalModels
from providers.adapters.registry import make_adapter
from providers.calls.concurrency import ConcurrencyMiddleware
from providers.calls.fallback import FailedCall, FallbackCall
from providers.calls.load_balancing import AffinityTable, order_deployments
from providers.calls.middleware import CallContext, CallMiddleware
from providers.calls.prepare import estimate_prompt_tokens, prepare_chat
from providers.calls.timeouts import resolve_timeouts
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_chat_objection, join_rules
from providers.catalogue.deployment import (
    Credentials,
    Deployment,
    build_embedding_deployment,
    build_rerank_deployment,
)
from providers.catalogue.keyring import Keyring, check_key
from providers.catalogue.open_models import GetMeasured, OpenModel
from providers.catalogue.schema import EmbeddingModel, Model, Provider, RerankModel, TimeoutSeconds
from providers.chat import ChatRequest, Event, TokenUsage
from providers.errors import NotServed, UnknownModel
from providers.prices import Cost, calculate_cost, load_prices
from providers.secrets import Redactor

if TYPE_CHECKING:
    from providers.calls.batches import BatchSender, BuildDeployment
    from providers.embeddings.embedder import Embedder
    from providers.rerank.reranker import Reranker


class Call:
    """A call that begins when its first event is requested. Close `events` (`aclosing`)."""

    def __init__(self, events: AsyncGenerator[Event, None], fallback: FallbackCall) -> None:
        self.events = events
        self._fallback = fallback

    @property
    def deployment(self) -> Deployment:
        """The deployment that answers; it may change until the first token."""
        return self._fallback.deployment

    @property
    def failed_calls(self) -> Sequence[FailedCall]:
        """The calls that failed before the last one."""
        return self._fallback.failed_calls

    @property
    def was_sent(self) -> bool:
        """Whether any request was sent; before that the call cannot cost anything."""
        return self._fallback.was_sent


class Router:
    """Calls models. Use it in one event loop, within `async with`; clients open on first use."""

    def __init__(
        self,
        catalogue: Catalogue,
        credentials: Credentials,
        *,
        middleware: Sequence[CallMiddleware] = (),
        reread: Callable[[bool], Credentials] | None = None,
        timeouts: TimeoutSeconds | None = None,
        measured: GetMeasured | None = None,
    ) -> None:
        """Create a router; `timeouts` are the operator's, for `reread` see `Keyring`."""
        self.catalogue = catalogue
        self.keyring = Keyring(credentials, reread=reread)
        self.concurrency = ConcurrencyMiddleware()
        self.listings = Listings()
        self.local = LocalModels(catalogue, measured)
        self._middleware = (self.concurrency, *middleware)
        self._timeouts = timeouts
        self._affinities = AffinityTable()
        self._sender: BatchSender | None = None
        self._adapters: dict[tuple[str, str, str], Adapter] = {}
        self._opened: set[tuple[str, str] | None] = set()
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def discover(self, *, recheck: bool = False) -> list[LocalServer]:
        """Look for model servers on this machine; call it again to notice changes.

        For `recheck` see `Discovery.find`.
        """
        return await self.local.discover(self.keyring.credentials, recheck=recheck)

    def list_open_models(self) -> list[OpenModel]:
        """Return the models of servers of the operator, with what is known of them."""
        return [
            each.probed
            for lane in self.list_lanes()
            for each in self.list_deployments(lane)
            if each.probed is not None
        ]

    def is_open(self, model_id: str) -> bool:
        """Return whether a call of this model could begin without imports.

        False if the model is not served or unknown.
        """
        try:
            model = self.catalogue.get_model(self.local.find_lane(model_id))
        except UnknownModel:
            return False
        return self._find_first(model) in self._opened

    async def open(self, model_id: str) -> None:
        """Open the client of a model's first deployment, which imports its adapter.

        Raises the errors that the first call would raise.
        """
        found = self.list_deployments(model_id)
        if not found:
            raise NotServed(self._explain_missing(model_id))
        await self._open_adapter(found[0], self.keyring.choose(found[0].provider))

    def list_lanes(self) -> list[str]:
        """Return the canonical ids of all models that can be called now, without retired ones."""
        lanes = [
            model.id
            for model in self.catalogue.models.values()
            if (model.retirement is None or self.listings.revives(model))
            and self._find_first(model)
        ]
        return list(dict.fromkeys([*lanes, *self.local.list_lanes()]))

    def list_embedding_models(self) -> list[str]:
        """Return the ids of all embedding models that can be called now."""
        found = map(self.catalogue.find_embedding_model, self.local.list_embedding_ids())
        listed = filter(self._is_listed, self.catalogue.embeddings.values())
        return list(dict.fromkeys(each.id for each in (*listed, *found)))

    def list_rerank_models(self) -> list[str]:
        """Return the ids of all rerank models that can be called now."""
        found = map(self.catalogue.find_rerank_model, self.local.list_rerank_ids())
        listed = filter(self._is_listed, self.catalogue.rerankers.values())
        return list(dict.fromkeys(each.id for each in (*listed, *found)))

    def _is_listed(self, entry: EmbeddingModel | RerankModel) -> bool:
        """Return whether an entry can be called: what was discovered knows its own models."""
        host = self.catalogue.providers[entry.provider]
        return not self.local.has_server(host.id) and self._get_base_url(host) is not None

    def count_embedding_slots(self, model_id: str) -> int:
        """Return how many calls of an embedding model can run at once; raises UnknownModel."""
        entry = self.catalogue.find_embedding_model(model_id)
        return self._count_slots(entry.provider, partial(build_embedding_deployment, entry))

    def count_rerank_slots(self, model_id: str) -> int:
        """Return how many calls of a rerank model can run at once; raises UnknownModel."""
        entry = self.catalogue.find_rerank_model(model_id)
        return self._count_slots(entry.provider, partial(build_rerank_deployment, entry))

    def _count_slots(self, provider: str, build: "BuildDeployment") -> int:
        host = self.catalogue.providers[provider]
        base_url = self._get_base_url(host)
        if base_url is None:
            return 0
        return self.concurrency.count_slots(
            build(host, base_url, simulated=self._is_simulated(host))
        )

    def _is_simulated(self, host: Provider) -> bool:
        given = self.keyring.get(host.id)
        return given is not None and given.simulated

    def list_deployments(self, model_id: str) -> list[Deployment]:
        """Return the deployments of a model that can be called from here, preferred ones first.

        Raises:
            UnknownModel: it is not a canonical id.
        """
        model = self.catalogue.get_model(self.local.find_lane(model_id))
        found = []
        for entry in model.deployments:
            host = self.catalogue.providers[entry.provider]
            base_url = self._get_base_url(host, entry.model)
            if base_url is None or self.listings.lacks(model, entry.provider, entry.model):
                continue
            deployment = Deployment(
                model=model,
                entry=entry,
                host=host,
                base_url=base_url,
                simulated=self._is_simulated(host),
            )
            found.append(self.local.add_facts(deployment))
        return found

    def _find_first(self, model: Model) -> tuple[str, str] | None:
        """Return the provider and the base URL of the preferred deployment; see above."""
        for entry in model.deployments:
            base_url = self._get_base_url(self.catalogue.providers[entry.provider], entry.model)
            if base_url and not self.listings.lacks(model, entry.provider, entry.model):
                return entry.provider, base_url
        return None

    def call(
        self,
        model_id: str,
        request: ChatRequest,
        *,
        context: CallContext | None = None,
        timeouts: Timeouts | None = None,
    ) -> Call:
        """Prepare a call of a model; `request.model` is filled in.

        `timeouts` replaces those of the context, the catalogue and the operator.

        Raises:
            UnknownModel: it is not a canonical id.
            NotServed: no deployment can or may be called; the message says what is missing.
        """
        context = context or CallContext()
        fallback = FallbackCall(
            deployments=order_deployments(
                self._list_allowed(model_id, context),
                context,
                strategy=self.catalogue.get_model(model_id).routing,
                utilisation=self.concurrency.get_utilisation,
                latency=self.concurrency.get_latency,
                prompt_tokens=partial(estimate_prompt_tokens, request),
                sticky=self._affinities.get(context),
            ),
            prepare=lambda each: prepare_chat(
                request, each, self._open_adapter, self.get_redactor(each)
            ),
            context=context,
            middleware=self._middleware,
            keyring=self.keyring,
            on_answer=partial(self._affinities.record, context),
            get_timeouts=lambda each: (
                timeouts
                or resolve_timeouts(
                    each,
                    requested=context.timeouts,
                    settings=self._timeouts,
                    left=context.time_left,
                )
            ),
        )
        return Call(fallback.stream(), fallback)

    def stream(
        self, model_id: str, request: ChatRequest, *, timeouts: Timeouts | None = None
    ) -> AsyncGenerator[Event, None]:
        """Call a model and return only the events; see `call`."""
        return self.call(model_id, request, timeouts=timeouts).events

    async def open_embedder(self) -> "Embedder":
        """Return the embedder, which shares middleware and keys."""
        embedder_class, _, sender = await self._open_sender()
        return embedder_class(self.catalogue, sender)

    async def open_reranker(self) -> "Reranker":
        """Return the reranker, which shares middleware and keys."""
        _, reranker_class, sender = await self._open_sender()
        return reranker_class(self.catalogue, sender)

    async def _open_sender(self) -> "tuple[type[Embedder], type[Reranker], BatchSender]":
        async with self._opening:
            embedder, reranker, sender = await asyncio.to_thread(_import_batches)
            if self._sender is None:
                opened = sender(
                    self.catalogue,
                    self.keyring,
                    get_base_url=self._get_base_url,
                    middleware=self._middleware,
                    timeouts=self._timeouts,
                )
                self._sender = await self._stack.enter_async_context(opened)
            return embedder, reranker, self._sender

    def calculate_cost(self, usage: TokenUsage, deployment: Deployment) -> Cost | None:
        """Return the cost of a call; see `prices.calculate_cost`."""
        return calculate_cost(usage, deployment)

    async def list_models(self, provider_id: str) -> list[ListedModel]:
        """Return the models that a provider lists for its key.

        Raises:
            NotServed: there is no key or server for it.
            CallFailed: the vendor or the network failed.
        """
        host = self.catalogue.providers[provider_id]
        base_url = self._get_base_url(host)
        if base_url is None:
            raise NotServed(host.how_to_open)
        adapter = await self._get_adapter(host, base_url, self.keyring.choose(provider_id))
        listed = await adapter.list_models()
        if host.listing_decides:
            known = self.catalogue.list_own_ids(host.id)
            self.listings.keep_known(host.id, [each.id for each in listed], known=known)
        return listed

    def get_redactor(self, deployment: Deployment) -> Redactor:
        """Return the redactor that masks keys in prompts and answers of a deployment."""
        return self.keyring.get_redactor(shapes=deployment.masks_keys)

    def _list_allowed(self, model_id: str, context: CallContext) -> list[Deployment]:
        """Return the deployments that can be called from here and that the context allows."""
        found = self.list_deployments(model_id)
        if not found:
            raise NotServed(self._explain_missing(model_id))
        rules = join_rules(self.catalogue.data_policy, context.data_policy)
        reasons = {each.id: find_chat_objection(rules, each) for each in found}
        allowed = [each for each in found if reasons[each.id] is None]
        if not allowed:
            why = "; ".join(f"{place}: {reason}" for place, reason in reasons.items())
            raise NotServed(f"{found[0].model.name} must not be called for this: {why}")
        return allowed

    async def _open_adapter(self, deployment: Deployment, key: SecretStr | None) -> Adapter:
        return await self._get_adapter(deployment.host, deployment.base_url, key)

    async def _get_adapter(self, host: Provider, base_url: str, key: SecretStr | None) -> Adapter:
        check_key(host, key)
        async with self._opening:
            place = (host.id, base_url, key.get_secret_value() if key else "")
            if place not in self._adapters:
                adapter = await asyncio.to_thread(_import_adapter, host, base_url, key)
                self._adapters[place] = await self._stack.enter_async_context(adapter)
                self._opened.add((host.id, base_url))
            return self._adapters[place]

    def _get_base_url(self, host: Provider, own_id: str | None = None) -> str | None:
        """Return the base URL of a provider; None if a key or server is missing."""
        if self.local.has_server(host.id):
            return self.local.get_base_url(host.id, own_id)
        given = self.keyring.get(host.id)
        if given is None or (given.key is None and not host.key_is_optional):
            return None
        return given.base_url or host.base_url

    def _explain_missing(self, model_id: str) -> str:
        model = self.catalogue.get_model(model_id)
        hosts = dict.fromkeys(entry.provider for entry in model.deployments)
        gone = [host for host in hosts if self.listings.lacks_all(model, host)]
        reasons = [f"{self.catalogue.providers[host].name} no longer lists it" for host in gone]
        ways = [self.catalogue.providers[host].how_to_open for host in hosts if host not in gone]
        why = "; ".join([*reasons, " or ".join(ways)] if ways else reasons)
        return f"{model.name} cannot be called from here: {why}"


def _import_batches() -> "tuple[type[Embedder], type[Reranker], type[BatchSender]]":
    from providers.calls.batches import BatchSender  # noqa: PLC0415  its HTTP stack is large
    from providers.embeddings.embedder import Embedder  # noqa: PLC0415
    from providers.rerank.reranker import Reranker  # noqa: PLC0415

    return Embedder, Reranker, BatchSender


def _import_adapter(host: Provider, base_url: str, key: SecretStr | None) -> Adapter:
    """Create an adapter, importing its SDK and the price tables; this blocks."""
    if host.genai_prices is not None:
        load_prices()
    return make_adapter(host, base_url=base_url, key=key)
