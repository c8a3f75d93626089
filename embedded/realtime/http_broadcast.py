"""Broadcast over HTTP, for those who have not joined."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.realtime.access.authorization import Extension, GateUnreachable
from embedded.realtime.access.callers import TokenRefused, Visitor
from embedded.realtime.broadcasts import Relayed, Sent
from embedded.realtime.services import Services
from embedded.realtime.topics import Topic
from embedded.realtime.wire.frames import Encoding
from embedded.realtime.wire.json import Json, NotJson, compact, parse

_BLANK: Final = "can't be blank"
_INVALID: Final = "is invalid"
_ENCODINGS: Final = {
    "application/json": Encoding.JSON,
    "application/octet-stream": Encoding.BINARY,
}
_NO_DATABASE: Final = {"message": "Realtime was unable to connect to the project database"}

_TOO_OFTEN: Final = {"message": "You have exceeded your rate limit"}


@dataclass(frozen=True, slots=True)
class _Message:
    topic: Topic
    body: Relayed


class _Unprocessable(Exception):
    """The body of a batch is not as it should be; nothing was sent."""

    def __init__(self, errors: Json) -> None:
        super().__init__()
        self.body = {"errors": {"messages": errors}}


class HttpBroadcast:
    """The two endpoints; both check private topics by the policies of the caller."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def send_batch(self, request: Request) -> Response:
        """Broadcast many messages; those to topics that the caller may not write are dropped."""
        try:
            visitor = self._visitor(request)
            messages = _read_batch(await request.body(), self._services.limits.payload_bytes)
            if not self._services.sends.count(len(messages)):
                return JSONResponse(_TOO_OFTEN, status_code=429)
            private = {each.topic.name for each in messages if each.topic.private}
            granted = await self._writable(private, visitor)
        except TokenRefused:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        except NotJson:
            return JSONResponse({"message": "The body is not JSON"}, status_code=400)
        except _Unprocessable as error:
            return JSONResponse(error.body, status_code=422)
        except GateUnreachable:
            return JSONResponse(_NO_DATABASE, status_code=503)
        for message in messages:
            if not message.topic.private or message.topic.name in granted:
                self._services.topics.broadcast(message.topic, message.body)
        return Response(status_code=202)

    async def send_one(self, request: Request) -> Response:
        """Broadcast the body of the request as it is."""
        try:
            visitor = self._visitor(request)
        except TokenRefused:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = _ENCODINGS.get(media_type)
        if encoding is None:
            said = "Unsupported Media Type. Use application/json or application/octet-stream"
            return JSONResponse({"error": said}, status_code=415)
        payload = await request.body()
        fault = _fault_of_payload(payload, encoding, self._services.limits.payload_bytes)
        if fault:
            return JSONResponse({"errors": {"payload": [fault]}}, status_code=422)
        if not self._services.sends.count():
            return JSONResponse(_TOO_OFTEN, status_code=429)
        name, event = _names(request)
        topic = Topic(name, request.query_params.get("private", "").lower() == "true")
        try:
            if topic.private and not await self._writable({name}, visitor):
                return JSONResponse({"message": "Unauthorized"}, status_code=403)
        except GateUnreachable:
            return JSONResponse(_NO_DATABASE, status_code=503)
        self._services.topics.broadcast(
            topic, Sent(topic=name, event=event, payload=payload, encoding=encoding)
        )
        return Response(status_code=202)

    def _visitor(self, request: Request) -> Visitor:
        """Read the token, of which the one in Authorization wins. Raises TokenRefused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("apikey", "")
        return self._services.visitors.by_key(key, user_agent=request.headers.get("user-agent"))

    async def _writable(self, names: set[str], visitor: Visitor) -> frozenset[str]:
        if not names:
            return frozenset()
        return await self._services.gate.writable(names, visitor, Extension.BROADCAST)


def _names(request: Request) -> tuple[str, str]:
    """Give topic and event, which may have slashes: they are told apart before decoding."""
    *_, topic, _, event = request.scope["raw_path"].decode().split("/")
    return unquote(topic), unquote(event)


def _fault_of_payload(payload: bytes, encoding: Encoding, most_bytes: int) -> str | None:
    if not payload:
        return _BLANK
    if len(payload) > most_bytes:
        return "Payload size exceeds tenant limit"
    if encoding is Encoding.JSON:
        try:
            parse(payload)
        except NotJson:
            return _INVALID
    return None


def _read_batch(body: bytes, most_bytes: int) -> list[_Message]:
    """Read all messages; raises NotJson or _Unprocessable."""
    value = parse(body)
    items = value.get("messages") if isinstance(value, dict) else None
    if items is None or items == []:
        raise _Unprocessable([_BLANK])
    if not isinstance(items, list):
        raise _Unprocessable([_INVALID])
    errors: list[Json] = [_faults(item, most_bytes) for item in items]
    if any(errors):
        raise _Unprocessable(errors)
    return [_message(item) for item in items if isinstance(item, dict)]


def _faults(item: Json, most_bytes: int) -> Json:
    """Give the errors of one message by its fields; empty when there are none."""
    if not isinstance(item, dict):
        return {name: [_BLANK] for name in ("topic", "event", "payload")}
    faults: dict[str, Json] = {}
    for name in ("topic", "event"):
        field = item.get(name)
        if field is None or (isinstance(field, str) and not field.strip()):
            faults[name] = [_BLANK]
        elif not isinstance(field, str):
            faults[name] = [_INVALID]
    payload = item.get("payload")
    if payload is None:
        faults["payload"] = [_BLANK]
    elif not isinstance(payload, dict):
        faults["payload"] = [_INVALID]
    elif len(compact(payload)) > most_bytes:
        faults["payload"] = ["Payload size exceeds tenant limit"]
    if not isinstance(item.get("private"), bool | None):
        faults["private"] = [_INVALID]
    return faults


def _message(item: dict[str, Json]) -> _Message:
    name = str(item["topic"])
    payload: dict[str, Json] = {
        "event": item["event"],
        "payload": item["payload"],
        "type": "broadcast",
    }
    if isinstance(item.get("id"), str):
        payload["meta"] = {"id": item["id"]}
    return _Message(Topic(name, item.get("private") is True), Relayed(name, payload))
