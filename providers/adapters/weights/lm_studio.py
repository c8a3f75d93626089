"""The models that LM Studio keeps: downloaded, listed and unloaded by its REST API.

It has no request that deletes a model.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx2

from providers.adapters.weights.client import (
    KeptModel,
    PullProgress,
    WeightsUnavailable,
    ask_json,
    read_count,
    read_objects,
    read_short_text,
)

_WHERE: Final = "LM Studio"
_POLL: Final = timedelta(seconds=1)


class LmStudioModels:
    """The models of one LM Studio."""

    name: Final = "lmstudio"

    def __init__(self, http: httpx2.AsyncClient, base_url: str, *, poll: timedelta = _POLL) -> None:
        """Create it; `base_url` is that of the OpenAI-compatible API, or its host."""
        self._http = http
        self._api = f"{base_url.rstrip('/').removesuffix('/v1')}/api/v1/models"
        self._poll = poll.total_seconds()

    async def list_models(self) -> list[KeptModel]:
        """Return the models on its disk."""
        answer = await ask_json(self._http, "GET", self._api, where=_WHERE)
        rows = read_objects(answer, "models")
        return [_parse(row) for row in rows if read_short_text(row.get("key"))]

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """Have it download a model; it goes on by itself when we stop looking."""
        job = await ask_json(
            self._http, "POST", f"{self._api}/download", body={"model": name}, where=_WHERE
        )
        while True:
            status = read_short_text(job.get("status")) if isinstance(job, dict) else None
            if status == "failed" or status is None:
                raise WeightsUnavailable(f"{_WHERE} could not download {name}: see its window")
            total = read_count(job.get("total_size_bytes"))
            yield PullProgress(status, read_count(job.get("downloaded_bytes")) or 0, total)
            if status in {"completed", "already_downloaded"}:
                return
            job_id = read_short_text(job.get("job_id"))
            if status == "paused" or job_id is None:
                raise WeightsUnavailable(f"the download of {name} is paused: see LM Studio")
            await asyncio.sleep(self._poll)
            url = f"{self._api}/download/status/{quote(job_id, safe='')}"
            job = {"job_id": job_id} | await ask_json(self._http, "GET", url, where=_WHERE)

    async def delete(self, name: str) -> None:
        """Refuse: it has no request for that."""
        raise WeightsUnavailable(f"{_WHERE} deletes models only in its window: remove {name} there")

    async def unload(self, name: str) -> None:
        """Free the memory of a model."""
        answer = await ask_json(self._http, "GET", self._api, where=_WHERE)
        for row in read_objects(answer, "models"):
            for each in read_objects(row, "loaded_instances") if row.get("key") == name else ():
                body = {"instance_id": each.get("id")}
                url = f"{self._api}/unload"
                await ask_json(self._http, "POST", url, body=body, where=_WHERE)


def _parse(row: dict[str, Any]) -> KeptModel:
    found = row.get("quantization")
    return KeptModel(
        name=row["key"],
        size=read_count(row.get("size_bytes")),
        quantization=read_short_text(found.get("name") if isinstance(found, dict) else found),
        loaded=bool(read_objects(row, "loaded_instances")),
    )
