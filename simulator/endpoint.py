"""One vendor's endpoints: each request passes key, body, fault and model checks in this order."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pydantic import JsonValue
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from simulator.faults import (
    AlteredAnswer,
    Breakage,
    BrokenBody,
    BrokenInfo,
    CallsAsText,
    Effect,
    ErrorStatus,
    Fault,
    FaultError,
    FaultRegistry,
    FlawedCalls,
    OddDeltas,
    ParserError,
    SlowHeaders,
    TaggedThinking,
)
from simulator.formats.base import (
    InvalidKeyError,
    MissingModelError,
    StatusError,
    WireFormat,
    dump_json,
)
from simulator.formats.embeddings import EmbeddingsFormat, embed_text
from simulator.formats.rerank import RankingFormat, rank_documents
from simulator.local.call_texts import write_calls
from simulator.local.servers import (
    describe_trouble,
    serve_as_vendor,
    tag_thinking,
    write_parse_error,
)
from simulator.pacing import choose_pace
from simulator.planned import PlannedResponse, count_tokens, plan_response
from simulator.request import CompletionRequest
from simulator.request_log import LoggedRequest, RequestLog
from simulator.responder import Responder
from simulator.response import SimulatedResponse
from simulator.schemas.refusals import refuse_schema

_KEY_HEADERS: Final = ("x-api-key", "x-goog-api-key", "x-portkey-api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorState:
    """State that all endpoints of one simulator share."""

    speed: float
    faults: FaultRegistry = field(default_factory=FaultRegistry)
    request_log: RequestLog = field(default_factory=RequestLog)


class VendorEndpoint:
    """Handlers for completions, embeddings, rankings and the list of models of one vendor."""

    def __init__(
        self,
        wire_format: WireFormat,
        state: SimulatorState,
        *,
        embeddings: EmbeddingsFormat | None = None,
        rankings: RankingFormat | None = None,
        is_keyless: bool = False,
        invalid_key_status: int = 401,
        serves_plain: bool = False,
    ) -> None:
        """Create the handlers of a vendor.

        `is_keyless`: a local server, which needs no key but refuses a wrong one. `serves_plain`:
        the template of its only model has no tools, so that they are dropped.
        """
        self._serves_plain = serves_plain
        self._format = wire_format
        self._state = state
        self._embeddings = embeddings
        self._rankings = rankings
        self._is_keyless = is_keyless
        self._invalid_key_status = invalid_key_status

    async def complete(self, http_request: Request) -> Response:
        """Answer a request for a completion."""
        entry = self._state.request_log.add(self._format.vendor)
        try:
            self._check_key(http_request)
            path = {f"x-path-{name}": str(part) for name, part in http_request.path_params.items()}
            headers = {**http_request.headers, **path}
            request = self._format.parse_request(
                await self._read_body(http_request, entry), headers
            )
            entry.model, entry.stream = request.model, request.stream
            entry.message_count = request.message_count
            refuse_schema(request)
            fault = self._take_fault(http_request, entry, request.prompt)
            if self._serves_plain:
                request = replace(request, tools=())
            request, planned = _plan(request, entry.number, fault.effect if fault else None)
        except StatusError as error:
            return self._finish_with_error(error, entry)
        pace = choose_pace(request.model, seed=planned.seed, speed=self._state.speed)
        responder = Responder(self._format, request, planned, pace, fault)
        respond = partial(responder.respond, entry=entry)
        return SimulatedResponse(respond, entry, self._state.request_log)

    async def embed(self, http_request: Request) -> Response:
        """Answer a request for embeddings; raise `LookupError` for a vendor without them."""
        if self._embeddings is None:
            raise LookupError(f"{self._format.vendor} has no embeddings")
        entry = self._state.request_log.add(self._format.vendor)
        try:
            self._check_key(http_request)
            request = self._embeddings.parse(await self._read_body(http_request, entry))
            texts = request.texts
            entry.model, entry.message_count = request.model, len(texts)
            fault = self._take_fault(http_request, entry, texts[0] if texts else "")
        except StatusError as error:
            return self._finish_with_error(error, entry)
        vectors = [embed_text(text, request.dimensions) for text in texts]
        body = self._embeddings.build_body(request, vectors, sum(map(count_tokens, texts)))
        return await self._finish(http_request, entry, fault, body)

    async def rank(self, http_request: Request) -> Response:
        """Answer a request for a ranking; raise `LookupError` for a vendor without them."""
        if self._rankings is None:
            raise LookupError(f"{self._format.vendor} has no rankings")
        entry = self._state.request_log.add(self._format.vendor)
        try:
            self._check_key(http_request)
            request = self._rankings.parse(await self._read_body(http_request, entry))
            entry.model, entry.message_count = request.model, len(request.documents)
            fault = self._take_fault(http_request, entry, request.query)
        except StatusError as error:
            return self._finish_with_error(error, entry)
        tokens = sum(count_tokens(request.query) + count_tokens(each) for each in request.documents)
        body = self._rankings.build_body(request, rank_documents(request), tokens)
        return await self._finish(http_request, entry, fault, body)

    async def describe(
        self, http_request: Request, build: Callable[[bytes], JsonValue]
    ) -> Response:
        """Answer a request for a description of the server or its models; it is not logged.

        `build` gets the body and may raise `StatusError`.
        """
        try:
            self._check_key(http_request)
            broken = self._take_info_fault(http_request)
            body = dump_json(build(await http_request.body()))
        except StatusError as error:
            return self._error_response(error, 0)
        if broken is not None and broken.how is Breakage.STALL:
            await _wait_for_disconnect(http_request)
        if broken is not None:
            body = body[: len(body) // 2]
        return Response(body, media_type="application/json")

    async def _finish(
        self, http_request: Request, entry: LoggedRequest, fault: Fault | None, body: JsonValue
    ) -> Response:
        match fault.effect if fault else None:
            case SlowHeaders(seconds):
                await asyncio.sleep(seconds)
            case BrokenBody(Breakage.STALL):
                await _wait_for_disconnect(http_request)
            case BrokenBody(Breakage.BAD_JSON):
                return Response('{"data": [', media_type="application/json")
        entry.status = 200
        self._state.request_log.finish(entry)
        return Response(dump_json(body), media_type="application/json")

    def list_models(self, http_request: Request, models: JsonValue) -> Response:
        """Answer a request for the list of models; it is not logged."""
        try:
            self._check_key(http_request)
        except StatusError as error:
            return self._error_response(error, 0)
        return Response(dump_json(models), media_type="application/json")

    async def _read_body(self, http_request: Request, entry: LoggedRequest) -> bytes:
        """Return the body; a request that breaks off before its end has ended in the log."""
        try:
            return await http_request.body()
        except ClientDisconnect:
            entry.aborted_by_client = True
            self._state.request_log.finish(entry)
            raise

    def _check_key(self, http_request: Request) -> None:
        """Raise `InvalidKeyError` for no key or the key `invalid`; accept any other."""
        scheme, _, token = http_request.headers.get("authorization", "").partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        headers = (http_request.headers.get(name, "").strip() for name in _KEY_HEADERS)
        key = next(filter(None, headers), bearer)
        if key and key != "invalid":
            return
        if key or not self._is_keyless:
            problem = "API key not valid" if key else "No API key was sent"
            message = f"{problem}; the simulator accepts any key but `invalid`."
            raise InvalidKeyError(self._invalid_key_status, message)

    def _take_fault(self, request: Request, entry: LoggedRequest, prompt: str) -> Fault | None:
        """Return the fault for a request; raise `StatusError` for a status or unknown model."""
        try:
            fault = self._state.faults.take(
                vendor=entry.vendor, model=entry.model, prompt=prompt, headers=request.headers
            )
        except FaultError as error:
            raise StatusError(400, str(error)) from error
        entry.fault = fault.spec if fault else None
        if fault and isinstance(fault.effect, ErrorStatus):
            message = f"Simulated {fault.effect.status}, requested by {fault.spec!r}."
            raise StatusError(
                fault.effect.status, message, retry_after=fault.effect.retry_after_seconds
            )
        if fault and isinstance(fault.effect, BrokenInfo):
            raise StatusError(503, describe_trouble(fault.effect))
        if "no-such-model" in entry.model:
            raise MissingModelError(entry.model)
        return fault

    def _take_info_fault(self, request: Request) -> BrokenInfo | None:
        """Return what is wrong with a description; raise `StatusError` for a status."""
        try:
            broken = self._state.faults.take_info(
                vendor=self._format.vendor, headers=request.headers
            )
        except FaultError as error:
            raise StatusError(400, str(error)) from error
        if broken is not None and isinstance(broken.how, int):
            raise StatusError(broken.how, describe_trouble(broken))
        return broken

    def _finish_with_error(self, error: StatusError, entry: LoggedRequest) -> Response:
        entry.status = error.status
        self._state.request_log.finish(entry)
        return self._error_response(error, entry.number)

    def _error_response(self, error: StatusError, number: int) -> Response:
        request_id = f"req_sim{number:06d}"
        headers = {self._format.request_id_header: request_id}
        if error.retry_after is not None:
            headers["retry-after"] = error.retry_after
        body = dump_json(self._format.build_error(error, request_id=request_id))
        return Response(body, error.status, headers, media_type="application/json")


def _plan(
    request: CompletionRequest, number: int, effect: Effect | None
) -> tuple[CompletionRequest, PlannedResponse]:
    """Return the request as its server takes it, and the response that a fault wants.

    Raises `StatusError` if the server refuses the request, or cannot read its model's answer.
    """
    request, writing = serve_as_vendor(request, effect)
    if isinstance(effect, CallsAsText):
        writing = effect.writing
    flaw = effect.flaw if isinstance(effect, FlawedCalls) else None
    planned = plan_response(request, number=number, flaw=flaw, writing=writing)
    if isinstance(effect, ParserError) and effect.after is None and planned.calls:
        text = write_calls(planned.calls, effect.writing)
        raise StatusError(500, write_parse_error(request.vendor, text))
    return request, _alter(planned, effect)


def _alter(planned: PlannedResponse, effect: Effect | None) -> PlannedResponse:
    """Return the response as a fault changes it."""
    if isinstance(effect, AlteredAnswer):
        text = "" if effect.is_empty else planned.text
        return replace(planned, text=text, finish_reason=effect.finish_reason)
    if isinstance(effect, OddDeltas):
        return replace(planned, deltas=effect.how)
    if isinstance(effect, TaggedThinking):
        return tag_thinking(planned, effect)
    return planned


async def _wait_for_disconnect(http_request: Request) -> None:
    while (await http_request.receive())["type"] != "http.disconnect":
        pass
