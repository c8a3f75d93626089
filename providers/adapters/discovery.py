"""Discovery of model servers on this machine, by probing their usual ports."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from providers.adapters.base import strip_endpoint
from providers.adapters.http.body_limits import build_body_limit_hooks
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credentials
from providers.catalogue.schema import Provider

TIMEOUT: Final = timedelta(milliseconds=300)
GATEWAY_HEADER: Final = "x-cogo-gateway"
GATEWAY_OWNER: Final = "cogo"
SIMULATOR_HEADER: Final = "x-cogo-simulated"
_EMBEDS: Final = re.compile(r"embed|minilm|\b(?:bge|e5|gte)-", re.IGNORECASE)
"""Occurs in the names of embedding models."""
_RERANKS: Final = re.compile(r"rerank|cross-encoder|ms-marco", re.IGNORECASE)
"""Occurs in the names of rerank models, some of which have the names of embedding models too."""
_DIRECT: Final = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A server that was found, with the ids of its models."""

    provider: str
    base_url: str
    models: tuple[str, ...]
    """Those that answer."""
    embedding_models: tuple[str, ...] = ()
    """Those that turn texts into vectors, as their names tell."""
    rerank_models: tuple[str, ...] = ()
    """Those that rank documents, as their names tell, or their server."""


@dataclass(frozen=True, slots=True)
class _Target:
    base_url: str
    providers: tuple[Provider, ...]
    """Candidates; the first one is assumed unless the answer identifies another."""
    key: str | None

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


async def find_servers(
    catalogue: Catalogue, credentials: Credentials, *, within: timedelta = TIMEOUT
) -> list[LocalServer]:
    """Probe the ports of the catalogue's local providers concurrently; return the servers found.

    Base URLs that were given for self-hosted servers are probed, too. A server must list its models
    in time; COGO's own gateway and simulator are ignored.
    """
    targets = _list_targets(catalogue, credentials)
    async with (
        # Loopback is never proxied, and each probe has its own timeout.
        httpx.AsyncClient(
            timeout=None,  # noqa: S113
            mounts=_DIRECT,
            event_hooks=build_body_limit_hooks(httpx.AsyncByteStream),
        ) as http,
        asyncio.TaskGroup() as group,
    ):
        probes = [
            group.create_task(_probe(http, target, within), name=f"probe {target.base_url}")
            for target in targets
        ]
    found: dict[str, LocalServer] = {}
    for probe in probes:
        server = probe.result()
        if server is not None:
            found.setdefault(server.provider, server)
    return list(found.values())


def _list_targets(catalogue: Catalogue, credentials: Credentials) -> list[_Target]:
    named: list[_Target] = []
    by_port: dict[int, list[Provider]] = {}
    for provider in catalogue.providers.values():
        given = credentials.get(provider.id)
        serves_any = provider.any_model or provider.rerank_only
        if serves_any and provider.key_is_optional and given and given.base_url:
            key = given.key.get_secret_value() if given.key else None
            named.append(_Target(strip_endpoint(given.base_url), (provider,), key))
        elif provider.local:
            for port in provider.ports:
                by_port.setdefault(port, []).append(provider)
    ports = [
        _Target(f"http://127.0.0.1:{port}/v1", tuple(providers), None)
        for port, providers in by_port.items()
    ]
    return [*named, *ports]


async def _probe(http: httpx.AsyncClient, target: _Target, within: timedelta) -> LocalServer | None:
    headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
    try:
        async with asyncio.timeout(within.total_seconds()):
            response = await http.get(target.listing, headers=headers)
        listing = response.json() if response.is_success else None
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        return None  # no server, or one that does not list models
    if GATEWAY_HEADER in response.headers or SIMULATOR_HEADER in response.headers:
        return None
    models = _parse_info(listing) if target.is_tei else _parse_models(listing)
    if models is None or GATEWAY_OWNER in models.values():
        return None
    provider = _identify(models, target.providers)
    ranking = {id_ for id_ in models if provider.rerank_only or _RERANKS.search(id_)}
    others = [id_ for id_ in models if id_ not in ranking]
    return LocalServer(
        provider=provider.id,
        base_url=target.base_url,
        models=tuple(id_ for id_ in others if not _EMBEDS.search(id_)),
        embedding_models=tuple(filter(_EMBEDS.search, others)),
        rerank_models=tuple(id_ for id_ in models if id_ in ranking),
    )


def _parse_models(listing: Any) -> Mapping[str, str] | None:
    """Return ids and owners of an OpenAI-style listing, None for anything else."""
    rows = listing.get("data") if isinstance(listing, dict) else None
    if not isinstance(rows, list):
        return None
    return {
        row["id"]: str(row.get("owned_by"))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("id"), str)
    }


def _parse_info(info: Any) -> Mapping[str, str] | None:
    """Return the model of a server of text-embeddings-inference if it ranks, else None."""
    kind = info.get("model_type") if isinstance(info, dict) else None
    if not isinstance(kind, dict) or "reranker" not in kind:
        return None
    return {info["model_id"]: "tei"} if isinstance(info.get("model_id"), str) else None


def _identify(models: Mapping[str, str], providers: tuple[Provider, ...]) -> Provider:
    owners = set(models.values())
    return next((each for each in providers if owners & set(each.owned_by)), providers[0])
