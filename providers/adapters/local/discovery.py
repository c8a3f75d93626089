"""Discovery of model servers on this machine, by probing their usual ports."""

import asyncio
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import Any, Final

import httpx
from loguru import logger

from providers.adapters.base import LOOPBACK_MOUNTS, strip_endpoint
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.adapters.listings import Row
from providers.adapters.local.answers import Kind, ProbedModel
from providers.adapters.local.servers import ServerClient, ask_about_models
from providers.adapters.payload import get_mapping, get_text
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials
from providers.catalogue.model_names import name_model, name_models
from providers.catalogue.open_models import Facts
from providers.catalogue.schema import Provider

TIMEOUT: Final = timedelta(milliseconds=300)
GATEWAY_HEADER: Final = "x-cogo-gateway"
GATEWAY_OWNER: Final = "cogo"
SIMULATOR_HEADER: Final = "x-cogo-simulated"
_EMBEDS: Final = re.compile(r"embed|minilm|\b(?:bge|e5|gte)-", re.IGNORECASE)
"""Occurs in the names of embedding models."""
_RERANKS: Final = re.compile(r"rerank|cross-encoder|ms-marco", re.IGNORECASE)
"""Occurs in the names of rerank models, some of which have the names of embedding models too."""
_MOST_MODELS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A server that was found, with the names of its models."""

    provider: str
    base_url: str
    models: tuple[str, ...]
    """Those that answer, as lanes name them."""
    embedding_models: tuple[str, ...] = ()
    """Own ids of those that turn texts into vectors."""
    rerank_models: tuple[str, ...] = ()
    """Own ids of those that rank documents."""
    own_ids: Mapping[str, str] = field(default_factory=dict)
    """The server's own ids of models that it names by a path, by their names."""
    probed: Mapping[str, Facts] = field(default_factory=dict)
    """What it tells about its models, by their names."""

    def find_model(self, wanted: str) -> str | None:
        """Return the name of a model of this name or own id.

        Of several files with the same name, the first one has it.
        """
        if wanted in self.models:
            return wanted
        for name, own_id in self.own_ids.items():
            if own_id == wanted:
                return name
        return next((each for each in self.models if each.startswith(f"{wanted}@")), None)

    def get_own_id(self, name: str) -> str:
        """Return what the server wants to be asked for."""
        return self.own_ids.get(name, name)


@dataclass(frozen=True, slots=True)
class _Target:
    base_url: str
    providers: tuple[Provider, ...]
    """Candidates; the first one is assumed unless the answer identifies another."""
    key: str | None

    @property
    def headers(self) -> dict[str, str]:
        """Return what is sent with each question."""
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

    @property
    def is_tei(self) -> bool:
        """Whether it tells its only model at /info, and lists none."""
        return self.providers[0].rerank == "tei"

    @property
    def listing(self) -> str:
        """The URL that tells the models."""
        if self.is_tei:
            return f"{self.base_url.removesuffix('/v1')}/info"
        return f"{self.base_url}/models"


@cache
def _load_authorities() -> ssl.SSLContext:
    """Read the certificate authorities, which takes 20 ms of CPU, once for this process."""
    return httpx.create_ssl_context()


class Discovery:
    """Finds model servers, and asks them about their models once."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}

    async def find(
        self,
        catalogue: Catalogue,
        credentials: Credentials,
        *,
        within: timedelta = TIMEOUT,
        recheck: bool = False,
    ) -> list[LocalServer]:
        """Probe the ports of the catalogue's local providers concurrently; return what was found.

        Base URLs that were given for self-hosted servers are probed, too. A server must list its
        models in time; COGO's own gateway and simulator are ignored. A server is asked about models
        that are new in its list or have changed there, and about all on `recheck`.
        """
        targets = _list_targets(catalogue, credentials)
        async with (
            # Loopback is never proxied, and each probe has its own timeout.
            httpx.AsyncClient(
                timeout=None,  # noqa: S113
                mounts=LOOPBACK_MOUNTS,
                verify=_load_authorities(),
                event_hooks=build_body_limit_hooks(httpx.AsyncByteStream),
            ) as http,
            asyncio.TaskGroup() as group,
        ):
            probes = [
                group.create_task(
                    self._probe(http, target, within, recheck=recheck),
                    name=f"probe {target.base_url}",
                )
                for target in targets
            ]
        found: dict[str, LocalServer] = {}
        for probe, target in zip(probes, targets, strict=True):
            server = probe.result()
            if server is not None:
                given = credentials.get(server.provider)
                several = given is not None and target.base_url in given.more_urls
                found.setdefault(server.base_url if several else server.provider, server)
        here = {server.base_url for server in found.values()}
        self._asked = {url: asked for url, asked in self._asked.items() if url in here}
        return list(found.values())

    async def _probe(
        self, http: httpx.AsyncClient, target: _Target, within: timedelta, *, recheck: bool
    ) -> LocalServer | None:
        every = await _fetch_list(http, target, within)
        if every is None:
            return None
        provider = _identify(every, target.providers)
        listed = {id_: every[id_] for id_ in _list_usable(every)}
        if provider.rerank_only:
            return _build_server(provider, target, listed, {})
        state = {id_: _find_state(provider, row) for id_, row in listed.items()}
        asked = self._asked.get(target.base_url)
        is_new = recheck or asked is None or asked.state != state
        models = await ask_about_models(
            provider.id,
            ServerClient(http, target.base_url, target.headers),
            listed,
            {} if asked is None or recheck else asked.list_unchanged(state),
        )
        self._asked[target.base_url] = _Asked(state, models)
        if is_new and len(listed) < len(every):
            logger.warning(
                "models are left out: their names are too long or cannot be printed, or they are "
                "too many",
                provider=provider.id,
                ignored=len(every) - len(listed),
            )
        return _build_server(provider, target, listed, models)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a server told about its models when its list was as it is."""

    state: Mapping[str, object]
    models: Mapping[str, ProbedModel]

    def list_unchanged(self, state: Mapping[str, object]) -> dict[str, ProbedModel]:
        """Return the models that a newer list has unchanged."""
        return {
            id_: model
            for id_, model in self.models.items()
            if id_ in state and state[id_] == self.state.get(id_)
        }


async def find_servers(
    catalogue: Catalogue, credentials: Credentials, *, within: timedelta = TIMEOUT
) -> list[LocalServer]:
    """Return the model servers on this machine, once; see `Discovery.find`."""
    return await Discovery().find(catalogue, credentials, within=within)


def _list_targets(catalogue: Catalogue, credentials: Credentials) -> list[_Target]:
    named: list[_Target] = []
    by_port: dict[int, list[Provider]] = {}
    for provider in catalogue.providers.values():
        given = credentials.get(provider.id)
        if provider.is_self_hosted and given and given.base_url:
            key = given.key.get_secret_value() if given.key else None
            urls = (given.base_url, *given.more_urls)
            named += [_Target(strip_endpoint(url), (provider,), key) for url in urls]
        elif provider.local:
            for port in provider.ports:
                by_port.setdefault(port, []).append(provider)
    ports = [
        _Target(f"http://127.0.0.1:{port}/v1", tuple(providers), None)
        for port, providers in by_port.items()
    ]
    return [*named, *ports]


async def _fetch_list(
    http: httpx.AsyncClient, target: _Target, within: timedelta
) -> dict[str, Row] | None:
    """Return the rows of a server's list by the ids of its models; None if it is no such server."""
    try:
        async with asyncio.timeout(within.total_seconds()):
            response = await http.get(target.listing, headers=target.headers)
        listing = response.json() if response.is_success else None
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        return None  # no server, or one that does not list models
    if GATEWAY_HEADER in response.headers or SIMULATOR_HEADER in response.headers:
        return None
    listed = _parse_info(listing) if target.is_tei else _parse_models(listing)
    if listed is None or any(row.get("owned_by") == GATEWAY_OWNER for row in listed.values()):
        return None
    return listed


def _build_server(
    provider: Provider,
    target: _Target,
    listed: Iterable[str],
    models: Mapping[str, ProbedModel],
) -> LocalServer:
    kinds = {id_: _find_kind(provider, id_, models.get(id_)) for id_ in listed}
    named = name_models(id_ for id_, kind in kinds.items() if kind == "text")
    return LocalServer(
        provider=provider.id,
        base_url=target.base_url,
        models=tuple(named),
        embedding_models=tuple(id_ for id_, kind in kinds.items() if kind == "embedding"),
        rerank_models=tuple(id_ for id_, kind in kinds.items() if kind == "rerank"),
        own_ids={name: id_ for name, id_ in named.items() if name != id_},
        probed={name: models[id_].facts for name, id_ in named.items() if id_ in models},
    )


def _find_state(provider: Provider, row: Row) -> object:
    """Return what differs in a list when a model was replaced or loaded."""
    if provider.id == "ollama":
        return row.get("created")  # elsewhere, that is the time of the answer
    return get_text(get_mapping(row, "status"), "value")


def _find_kind(provider: Provider, own_id: str, model: ProbedModel | None) -> Kind:
    """Return what a model returns, as its server tells, or else its name."""
    if provider.rerank_only or _RERANKS.search(own_id):
        return "rerank"
    if model is not None and model.kind is not None:
        return model.kind
    return "embedding" if _EMBEDS.search(own_id) else "text"


def _list_usable(own_ids: Iterable[str]) -> Iterator[str]:
    """Return the first ids that can be shown."""
    return islice((each for each in own_ids if name_model(each) is not None), _MOST_MODELS)


def _parse_models(listing: Any) -> dict[str, Row] | None:
    """Return the rows of an OpenAI-style listing, None for anything else."""
    rows = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(rows, list):
        return None
    return {
        row["id"]: row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)
    }


def _parse_info(info: Any) -> dict[str, Row] | None:
    """Return the model of a server of text-embeddings-inference if it ranks, else None."""
    kind = info.get("model_type") if isinstance(info, dict) else None
    if not isinstance(kind, dict) or "reranker" not in kind:
        return None
    return {info["model_id"]: info} if isinstance(info.get("model_id"), str) else None


def _identify(listed: Mapping[str, Row], providers: tuple[Provider, ...]) -> Provider:
    owners = {str(row.get("owned_by")) for row in listed.values()}
    return next((each for each in providers if owners & set(each.owned_by)), providers[0])
