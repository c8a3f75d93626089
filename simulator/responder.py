"""Sending one planned response, at the pace of its model and with the requested fault."""

import asyncio

from simulator.faults import (
    Breakage,
    BrokenBody,
    ChoppedStream,
    Fault,
    ParserError,
    SlowHeaders,
)
from simulator.formats.base import (
    EVENT_STREAM,
    FramePosition,
    StatusError,
    WireFormat,
    dump_json,
)
from simulator.local.call_texts import write_calls
from simulator.local.servers import write_parse_error
from simulator.pacing import Pace, Pacer
from simulator.planned import PlannedResponse
from simulator.request import CompletionRequest, Vendor
from simulator.request_log import LoggedRequest
from simulator.response import ResponseWriter


class Responder:
    """Sends the response to one request."""

    def __init__(
        self,
        wire_format: WireFormat,
        request: CompletionRequest,
        planned: PlannedResponse,
        pace: Pace,
        fault: Fault | None,
    ) -> None:
        """Create a responder; `Fault.effect` may be the error that ends its stream."""
        self._format = wire_format
        self._request = request
        self._planned = planned
        self._pace = pace
        effect = fault.effect if fault else None
        self._delay_seconds = effect.seconds if isinstance(effect, SlowHeaders) else 0.0
        self._breakage = effect if isinstance(effect, BrokenBody) else None
        self._error_frame = b""
        if isinstance(effect, ParserError) and effect.after is not None:
            self._breakage = BrokenBody(Breakage.ERROR_EVENT, effect.after)
            self._error_frame = self._encode_error(effect)
        self._packet_bytes = effect.packet_bytes if isinstance(effect, ChoppedStream) else None

    def _encode_error(self, effect: ParserError) -> bytes:
        text = write_calls(self._planned.calls, effect.writing)
        error = StatusError(500, write_parse_error(self._format.vendor, text))
        data = dump_json(self._format.build_error(error, request_id=""))
        is_events = self._format.stream_type == EVENT_STREAM
        return b"data: " + data + b"\n\n" if is_events else data + b"\n"

    async def respond(self, writer: ResponseWriter, entry: LoggedRequest) -> None:
        """Send a stream or one body, as the request asks."""
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        if self._request.stream:
            await self._send_stream(writer, entry)
        else:
            await self._send_body(writer)

    async def _send_stream(self, writer: ResponseWriter, entry: LoggedRequest) -> None:
        headers = {"content-type": self._format.stream_type, "cache-control": "no-cache"}
        await writer.start(200, headers | self._format.build_headers(self._planned))
        pacer = Pacer(self._pace)
        frames = self._format.build_frames(self._planned, wants_usage=self._request.wants_usage)
        for frame in frames:
            if self._breakage and _is_breaking_point(self._breakage, frame.position, entry.pieces):
                await self._break(writer, self._breakage.how)
                return
            if frame.position is FramePosition.PIECE:
                await pacer.wait(frame.tokens)
                entry.pieces += 1
            await self._write(writer, frame.data)
        await writer.end()
        if self._format.vendor is Vendor.LLAMACPP:
            writer.close()

    async def _write(self, writer: ResponseWriter, data: bytes) -> None:
        size = self._packet_bytes or len(data)
        for start in range(0, len(data), size):
            await writer.write(data[start : start + size])
            if self._packet_bytes:
                await asyncio.sleep(0)  # otherwise the packets leave as one

    async def _break(self, writer: ResponseWriter, how: Breakage) -> None:
        match how:
            case Breakage.STALL:
                await writer.stall()
            case Breakage.CUT:
                writer.abort()
            case Breakage.CLEAN_END:
                await writer.end()
            case Breakage.BAD_JSON:
                await writer.write(self._format.build_broken_frame())
                await writer.end()
            case Breakage.ERROR_EVENT:
                await writer.write(self._error_frame or self._format.build_error_frame())
                await writer.end()

    async def _send_body(self, writer: ResponseWriter) -> None:
        await Pacer(self._pace).wait(self._planned.output_tokens)
        how = self._breakage.how if self._breakage else None
        is_finished = how is not Breakage.CLEAN_END
        body = dump_json(self._format.build_body(self._planned, is_finished=is_finished))
        if how is Breakage.ERROR_EVENT:
            frame = self._error_frame or self._format.build_error_frame()
            body = frame[frame.index(b"{") :].strip()
        half = body[: len(body) // 2]
        if how is Breakage.BAD_JSON:
            body = half
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        await writer.start(200, headers | self._format.build_headers(self._planned))
        if how in {Breakage.STALL, Breakage.CUT}:
            await writer.write(half)
            await self._break(writer, how)
        else:
            await writer.write(body)
            await writer.end()


def _is_breaking_point(fault: BrokenBody, position: FramePosition, pieces: int) -> bool:
    return position is FramePosition.CLOSING or (
        position is FramePosition.PIECE and pieces >= fault.after
    )
