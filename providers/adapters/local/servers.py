"""Questions to model servers about their models, bounded in time, size and number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import httpx

from providers.adapters.http.body_limits import limit_body
from providers.adapters.local.answers import (
    ProbedModel,
    parse_llamacpp_model,
    parse_lmstudio_models,
    parse_ollama_loaded,
    parse_ollama_model,
    parse_vllm_model,
)

ASKING: Final = timedelta(seconds=3)
"""Time for all questions to one server. What was not answered is asked at the next discovery."""
_AT_ONCE: Final = 8
_NOT_READY: Final = frozenset({429, 503})
_LONGEST: Final = 4 * 1024 * 1024
"""Bytes of one answer, which may hold a license and a template."""


@dataclass(frozen=True, slots=True)
class ServerClient:
    """Asks one server. An answer that is no JSON object counts as an empty one."""

    http: httpx.AsyncClient
    base_url: str
    """That of the OpenAI-compatible API, which ends in `/v1`."""
    headers: Mapping[str, str]

    async def ask(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the answer to a GET, or to a POST if there is a body.

        Raises TimeoutError if the server cannot be reached, or is not ready.
        """
        url = f"{self.base_url.removesuffix('/v1')}{path}"
        try:
            response = await self.http.request(
                "GET" if body is None else "POST",
                url,
                json=body,
                params=parameters,
                headers=dict(self.headers),
                extensions=limit_body(_LONGEST),
            )
            if response.status_code in _NOT_READY:
                raise TimeoutError
            answer = response.json() if response.is_success else None
        except httpx.TransportError as error:
            raise TimeoutError from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
            return {}
        return answer if isinstance(answer, Mapping) else {}


async def ask_about_models(
    provider: str,
    client: ServerClient,
    rows: Mapping[str, Mapping[str, Any]],
    known: Mapping[str, ProbedModel],
    *,
    within: timedelta = ASKING,
) -> dict[str, ProbedModel]:
    """Return what a server tells about the models of its list by their ids.

    `known` are not asked about again, except whether they are loaded. Models about which there was
    no answer in time are left out.
    """
    found = {id_: model for id_, model in known.items() if id_ in rows}
    new = [id_ for id_ in rows if id_ not in found]
    with suppress(TimeoutError):
        async with asyncio.timeout(within.total_seconds()):
            match provider:
                case "ollama":
                    await _ask_ollama(client, new, found)
                case "lmstudio":
                    listed = parse_lmstudio_models(await client.ask("/api/v1/models"))
                    found = {id_: listed.get(id_, ProbedModel()) for id_ in rows}
                case "llamacpp" | "local-model":
                    await _ask_llamacpp(client, rows, new, found)
                case "vllm":
                    await _ask_vllm(client, rows, new, found)
    return found


async def _ask_ollama(
    client: ServerClient, new: Iterable[str], found: dict[str, ProbedModel]
) -> None:
    loaded = parse_ollama_loaded(await client.ask("/api/ps"))

    def keep(id_: str, model: ProbedModel) -> None:
        found[id_] = replace(model, facts={**model.facts, "loaded": id_ in loaded})

    async def ask(id_: str) -> None:
        keep(id_, parse_ollama_model(id_, await client.ask("/api/show", {"model": id_})))

    for id_, model in [*found.items()]:
        keep(id_, model)
    await _ask_each(new, ask)


async def _ask_llamacpp(
    client: ServerClient,
    rows: Mapping[str, Mapping[str, Any]],
    new: Iterable[str],
    found: dict[str, ProbedModel],
) -> None:
    async def ask(id_: str) -> None:
        # A server of several models says which are loaded, and must not load one for a question.
        named = {"model": id_, "autoload": "false"} if "status" in rows[id_] else None
        props = await client.ask("/props", parameters=named)
        found[id_] = parse_llamacpp_model(id_, rows[id_], props)

    await _ask_each(new, ask)


async def _ask_vllm(
    client: ServerClient,
    rows: Mapping[str, Mapping[str, Any]],
    new: Iterable[str],
    found: dict[str, ProbedModel],
) -> None:
    tokenizer = await client.ask("/tokenizer_info") if new else {}
    for id_ in new:
        found[id_] = parse_vllm_model(id_, rows[id_], tokenizer)


async def _ask_each(ids: Iterable[str], ask: Callable[[str], Awaitable[None]]) -> None:
    """Ask about some models at once; no answer about one is none about that one alone."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def ask_one(id_: str) -> None:
        async with slots:
            with suppress(TimeoutError):
                await ask(id_)

    async with asyncio.TaskGroup() as group:
        for id_ in ids:
            group.create_task(ask_one(id_), name=f"ask about {id_}")
