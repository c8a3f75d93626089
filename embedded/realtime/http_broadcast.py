"""Broadcast over HTTP, for clients that have not joined."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from embedded.realtime.access.authorization import AuthorizationUnavailable, ChannelExtension
from embedded.realtime.access.callers import Caller, TokenRefused
from embedded.realtime.broadcasts import PayloadBroadcast, RelayedBroadcast
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.topics import Topic
from embedded.realtime.wire.frames import Encoding
from embedded.realtime.wire.json import InvalidJson, Json, decode_strict_json, encode_compact_json

_BLANK: Final = "can't be blank"
_INVALID: Final = "is invalid"
_ENCODINGS: Final = {
    "application/json": Encoding.JSON,
    "application/octet-stream": Encoding.BINARY,
}
_NO_DATABASE: Final = {"message": "Realtime was unable to connect to the project database"}

_RATE_LIMITED: Final = {"message": "You have exceeded your rate limit"}


@dataclass(frozen=True, slots=True)
class _Message:
    topic: Topic
    body: RelayedBroadcast


class _Unprocessable(Exception):
    """The body of a batch is invalid; nothing was sent."""

    def __init__(self, errors: Json) -> None:
        super().__init__()
        self.body = {"errors": {"messages": errors}}


class HttpBroadcast:
    """Handlers of the two endpoints; the policies of the caller decide about private topics."""

    def __init__(self, services: RealtimeServices) -> None:
        self._services = services

    async def send_batch(self, request: Request) -> Response:
        """Broadcast many messages, without those to topics that the caller may not write to."""
        try:
            caller = self._resolve_caller(request)
            messages = _read_batch(await request.body(), self._services.limits.payload_bytes)
            if not self._services.message_rate.allow(len(messages)):
                return JSONResponse(_RATE_LIMITED, status_code=429)
            private = {each.topic.name for each in messages if each.topic.private}
            granted = await self._find_writable_topics(private, caller)
        except TokenRefused:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        except InvalidJson:
            return JSONResponse({"message": "The body is not JSON"}, status_code=400)
        except _Unprocessable as error:
            return JSONResponse(error.body, status_code=422)
        except AuthorizationUnavailable:
            return JSONResponse(_NO_DATABASE, status_code=503)
        for message in messages:
            if not message.topic.private or message.topic.name in granted:
                self._services.topics.broadcast(message.topic, message.body)
        return Response(status_code=202)

    async def send_one(self, request: Request) -> Response:
        """Broadcast the body of the request unchanged."""
        try:
            caller = self._resolve_caller(request)
        except TokenRefused:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = _ENCODINGS.get(media_type)
        if encoding is None:
            message = "Unsupported Media Type. Use application/json or application/octet-stream"
            return JSONResponse({"error": message}, status_code=415)
        payload = await request.body()
        problem = _find_payload_error(payload, encoding, self._services.limits.payload_bytes)
        if problem:
            return JSONResponse({"errors": {"payload": [problem]}}, status_code=422)
        if not self._services.message_rate.allow():
            return JSONResponse(_RATE_LIMITED, status_code=429)
        name, event = _parse_names(request)
        topic = Topic(name, request.query_params.get("private", "").lower() == "true")
        try:
            if topic.private and not await self._find_writable_topics({name}, caller):
                return JSONResponse({"message": "Unauthorized"}, status_code=403)
        except AuthorizationUnavailable:
            return JSONResponse(_NO_DATABASE, status_code=503)
        self._services.topics.broadcast(
            topic, PayloadBroadcast(topic=name, event=event, payload=payload, encoding=encoding)
        )
        return Response(status_code=202)

    def _resolve_caller(self, request: Request) -> Caller:
        """Return the caller; the token in Authorization has precedence. Raise `TokenRefused`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else request.headers.get("apikey", "")
        return self._services.callers.resolve_key(key, user_agent=request.headers.get("user-agent"))

    async def _find_writable_topics(self, names: set[str], caller: Caller) -> frozenset[str]:
        if not names:
            return frozenset()
        return await self._services.authorizer.find_writable(
            names, caller, ChannelExtension.BROADCAST
        )


def _parse_names(request: Request) -> tuple[str, str]:
    """Return topic and event, split before decoding since both may contain slashes."""
    *_, topic, _, event = request.scope["raw_path"].decode().split("/")
    return unquote(topic), unquote(event)


def _find_payload_error(payload: bytes, encoding: Encoding, max_bytes: int) -> str | None:
    if not payload:
        return _BLANK
    if len(payload) > max_bytes:
        return "Payload size exceeds tenant limit"
    if encoding is Encoding.JSON:
        try:
            decode_strict_json(payload)
        except InvalidJson:
            return _INVALID
    return None


def _read_batch(body: bytes, max_bytes: int) -> list[_Message]:
    """Parse all messages; raise `InvalidJson` or `_Unprocessable`."""
    value = decode_strict_json(body)
    items = value.get("messages") if isinstance(value, dict) else None
    if items is None or items == []:
        raise _Unprocessable([_BLANK])
    if not isinstance(items, list):
        raise _Unprocessable([_INVALID])
    errors: list[Json] = [_find_errors(item, max_bytes) for item in items]
    if any(errors):
        raise _Unprocessable(errors)
    return [_build_message(item) for item in items if isinstance(item, dict)]


def _find_errors(item: Json, max_bytes: int) -> Json:
    """Return the errors of one message by field; empty if there are none."""
    if not isinstance(item, dict):
        return {name: [_BLANK] for name in ("topic", "event", "payload")}
    errors: dict[str, Json] = {}
    for name in ("topic", "event"):
        field = item.get(name)
        if field is None or (isinstance(field, str) and not field.strip()):
            errors[name] = [_BLANK]
        elif not isinstance(field, str):
            errors[name] = [_INVALID]
    payload = item.get("payload")
    if payload is None:
        errors["payload"] = [_BLANK]
    elif not isinstance(payload, dict):
        errors["payload"] = [_INVALID]
    elif len(encode_compact_json(payload)) > max_bytes:
        errors["payload"] = ["Payload size exceeds tenant limit"]
    if not isinstance(item.get("private"), bool | None):
        errors["private"] = [_INVALID]
    return errors


def _build_message(item: dict[str, Json]) -> _Message:
    name = str(item["topic"])
    payload: dict[str, Json] = {
        "event": item["event"],
        "payload": item["payload"],
        "type": "broadcast",
    }
    if isinstance(item.get("id"), str):
        payload["meta"] = {"id": item["id"]}
    return _Message(Topic(name, item.get("private") is True), RelayedBroadcast(name, payload))
