"""Broadcasts over HTTP: many messages in one request, through one pooled client."""

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import httpx
from loguru import logger

from protocol.bus import OutgoingMessage
from protocol.errors import StoreUnavailable, Unauthorized
from protocol.json_values import make_storable
from protocol.transport.local_http import choose_transport
from protocol.transport.tls import choose_ssl_context

MESSAGE_BYTES: Final = 32 * 1024
"""Larger content belongs in a row; limits of hosted projects and clients are not much higher."""


class Broadcaster:
    """Sends messages on private topics. The official client would open a connection for each."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/realtime/v1/api",
            headers={"apikey": key, "Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(5.0, connect=2.0),
            transport=choose_transport(url),
            verify=choose_ssl_context(url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def send(self, messages: Sequence[OutgoingMessage]) -> None:
        """Send all messages in one request, without a retry: a late message is useless.

        Raise StoreUnavailable or Unauthorized. Messages that are too large are logged and omitted.
        """
        bodies = [body for each in messages if (body := _build_body(each)) is not None]
        if not bodies:
            return
        try:
            answer = await self._http.post("/broadcast", json={"messages": bodies})
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise StoreUnavailable(f"Realtime cannot be reached: {error!r}") from error
        if answer.status_code in {401, 403}:
            raise Unauthorized("Realtime does not accept the key", hint="set SUPABASE_SECRET_KEY")
        if not answer.is_success:
            raise StoreUnavailable(f"Realtime answered {answer.status_code}: {answer.text[:200]}")


def _build_body(message: OutgoingMessage) -> dict[str, object] | None:
    envelope = message.envelope
    payload = make_storable(envelope.model_dump(mode="json"))
    if len(json.dumps(payload, ensure_ascii=False).encode()) > MESSAGE_BYTES:
        logger.warning("a message was too large to send", topic=message.topic, type=envelope.type)
        return None
    return {"topic": message.topic, "event": envelope.type, "payload": payload, "private": True}
