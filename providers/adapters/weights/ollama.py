"""The models that Ollama keeps: pulled, listed, unloaded and deleted by its own API."""

from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx2

from providers.adapters.weights.client import (
    KeptModel,
    PullProgress,
    WeightsUnavailable,
    ask_json,
    explain_errors,
    find_error,
    iter_json_lines,
    read_count,
    read_objects,
    read_short_text,
    refuse_status,
)

_WHERE: Final = "Ollama"


class OllamaModels:
    """The models of one Ollama."""

    name: Final = "ollama"

    def __init__(self, http: httpx2.AsyncClient, base_url: str) -> None:
        """Create it; `base_url` is that of the OpenAI-compatible API, or its host."""
        self._http = http
        self._root = base_url.rstrip("/").removesuffix("/v1")

    async def list_models(self) -> list[KeptModel]:
        """Return the models on its disk."""
        tags = await ask_json(self._http, "GET", f"{self._root}/api/tags", where=_WHERE)
        running = await ask_json(self._http, "GET", f"{self._root}/api/ps", where=_WHERE)
        loaded = {read_short_text(row.get("name")) for row in read_objects(running, "models")}
        return [
            _parse(row, loaded=name in loaded)
            for row in read_objects(tags, "models")
            if (name := read_short_text(row.get("name")))
        ]

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """Have it download a model, or its new version; what arrived is kept when it is cut."""
        body = {"model": name, "stream": True}
        with explain_errors(_WHERE):
            async with self._http.stream("POST", f"{self._root}/api/pull", json=body) as response:
                if not response.is_success:
                    await response.aread()
                    refuse_status(response, _WHERE, hint=_read_refusal(response))
                done: dict[str, tuple[int, int]] = {}
                async for line in iter_json_lines(response, _WHERE):
                    if reason := find_error(line):
                        raise WeightsUnavailable(f"{_WHERE} cannot pull {name}: {reason}")
                    yield _read_progress(line, done)
                    if line.get("status") == "success":
                        return
        raise WeightsUnavailable(f"{_WHERE} stopped before {name} was complete", is_cut=True)

    async def delete(self, name: str) -> None:
        """Delete a model from its disk."""
        url = f"{self._root}/api/delete"
        await ask_json(self._http, "DELETE", url, body={"model": name}, where=_WHERE)

    async def unload(self, name: str) -> None:
        """Free the memory of a model."""
        body = {"model": name, "keep_alive": 0}
        await ask_json(self._http, "POST", f"{self._root}/api/generate", body=body, where=_WHERE)


def _parse(row: dict[str, Any], *, loaded: bool) -> KeptModel:
    details = row.get("details")
    return KeptModel(
        name=row["name"],
        size=read_count(row.get("size")),
        digest=read_short_text(row.get("digest")),
        quantization=read_short_text(details.get("quantization_level"))
        if isinstance(details, dict)
        else None,
        loaded=loaded,
    )


def _read_progress(line: dict[str, Any], done: dict[str, tuple[int, int]]) -> PullProgress:
    """Return the progress over all layers, of which each line tells one."""
    digest, total = read_short_text(line.get("digest")), read_count(line.get("total"))
    if digest is not None and total is not None and len(done) < 1_000:
        done[digest] = (read_count(line.get("completed")) or 0, total)
    status = read_short_text(line.get("status")) or ""
    sums = [sum(part) for part in zip(*done.values(), strict=True)]
    return PullProgress(status, *sums) if sums else PullProgress(status)


def _read_refusal(response: httpx2.Response) -> str:
    try:
        return find_error(response.json()) or ""
    except (ValueError, RecursionError):
        return ""
