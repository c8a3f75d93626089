"""Transactions that take one round trip: statements sent together on a connection of asyncpg.

asyncpg waits for each statement before it sends the next one. Here all are written at once with one
Sync at the end, which makes them one transaction for Postgres: an error skips what follows and
rolls back what came before.

https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
"""

import asyncio
import select
import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg import connect_utils

Row: TypeAlias = list[str | None]
Argument: TypeAlias = str | Sequence[str]

_KEPT_STATEMENTS: Final = 100
_KEPT_CHARACTERS: Final = 15 * 1024
"""Longer statements are prepared anew each time. Both limits are asyncpg's."""
_CANCEL_SECONDS: Final = 5.0
_IDLE: Final = ord("I")
_HEADER: Final = struct.Struct("!cI")
_HEADER_BYTES: Final = 5
_LENGTH: Final = struct.Struct("!i")
_COUNT: Final = struct.Struct("!H")
_NULL: Final = -1
_EXECUTE: Final = b"E\0\0\0\x09\0\0\0\0\0"
"""All rows of the unnamed portal."""
_SYNC: Final = b"S\0\0\0\x04"


class NothingRunError(asyncpg.ConnectionDoesNotExistError):
    """The connection was lost before Postgres ran any of the statements: send them to another."""


@dataclass(frozen=True, slots=True)
class PipelineQuery:
    """One statement; its parameters are of type text or text[]."""

    sql: str
    arguments: Sequence[Argument] = ()


class PipelineConnection(asyncpg.Connection):
    """Connection of asyncpg that can also send several statements together."""

    __slots__ = ("_messages", "_names", "_poll", "_serial")
    _addr: Any
    _loop: asyncio.AbstractEventLoop
    _params: Any
    _protocol: Any
    _transport: asyncio.Transport

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._messages = _Messages(self._protocol)
        self._transport.set_protocol(self._messages)
        self._names: OrderedDict[str, bytes] = OrderedDict()
        """Names of the prepared statements by their text, least recently used first."""
        self._serial = 0
        self._poll = select.poll()
        self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)

    @property
    def unwrapped(self) -> "PipelineConnection":
        """The connection itself, for its user in a pool, whose proxy of a lost one has nothing."""
        return self

    @property
    def has_open_pipeline(self) -> bool:
        """Whether the last pipeline left a transaction open."""
        return self._messages.status != _IDLE

    async def run_pipeline(self, queries: Sequence[PipelineQuery], *, seconds: float) -> Row | None:
        """Run the queries in one transaction, and return the first row of the last one.

        A `begin` among them leaves the transaction open. Raise `NothingRunError`, or what asyncpg
        raises. Statements that do not end in time are cancelled, as are those of a cancelled task.
        """
        # An idle connection has nothing to read unless Postgres has ended it.
        if self.is_closed() or self._poll.poll(0):
            self.terminate()
            raise NothingRunError("the connection was lost")
        messages = self._messages
        waiter: asyncio.Future[Row | None] = self._loop.create_future()
        messages.start(waiter, len(queries), self._names)
        self._transport.write(self._encode(queries))
        timer = self._loop.call_later(seconds, messages.expire)
        try:
            return await waiter
        except (TimeoutError, asyncio.CancelledError):
            await asyncio.shield(self._loop.create_task(self._give_up()))
            raise
        except asyncpg.InvalidSQLStatementNameError:  # somebody has deallocated it
            self._names.clear()
            raise
        finally:
            timer.cancel()

    def _encode(self, queries: Sequence[PipelineQuery]) -> bytes:
        parts: list[bytes] = []
        for query in queries:
            name = self._names.get(query.sql)
            if name is not None:
                self._names.move_to_end(query.sql)
            else:
                name = self._prepare(query.sql, parts)
            parts += (_encode_bind(name, query.arguments), _EXECUTE)
        parts.append(_SYNC)
        return b"".join(parts)

    def _prepare(self, sql: str, parts: list[bytes]) -> bytes:
        name = b""
        if len(sql) <= _KEPT_CHARACTERS:
            self._serial += 1
            name = b"pipeline_%d" % self._serial
            if len(self._names) >= _KEPT_STATEMENTS:
                _, oldest = self._names.popitem(last=False)
                parts.append(_frame(b"C", b"S%b\0" % oldest))
        self._messages.expect_prepared(sql, name)
        parts.append(_frame(b"P", b"%b\0%b\0\0\0" % (name, sql.encode())))
        return name

    async def _give_up(self) -> None:
        """Cancel the statements, which would be committed otherwise, and end the connection."""
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                await connect_utils._cancel(  # type: ignore[attr-defined]  # noqa: SLF001 - has no public name
                    loop=self._loop,
                    addr=self._addr,
                    params=self._params,
                    backend_pid=self._protocol.backend_pid,
                    backend_secret=self._protocol.backend_secret,
                )
        except (OSError, TimeoutError):
            pass  # Postgres does not answer, or has ended
        finally:
            self.terminate()


class _Messages(asyncio.Protocol):
    """Reader of the responses to pipelines, which leaves everything else to asyncpg's.

    It stays: with each change of the protocol, uvloop stops and starts reading.
    """

    def __init__(self, regular: asyncio.Protocol) -> None:
        self._regular = regular
        self._is_active = False
        self._buffer = bytearray()
        self._waiter: asyncio.Future[Row | None] | None = None
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._prepared: list[tuple[str, bytes]] = []
        self._row: Row | None = None
        self._error: asyncpg.PostgresError | None = None
        self._left = 0
        self._has_run = False
        self.status = _IDLE
        """Of the transaction, as Postgres reported it last."""

    def start(
        self, waiter: "asyncio.Future[Row | None]", queries: int, names: OrderedDict[str, bytes]
    ) -> None:
        """Expect the responses to so many queries; `names` gets the statements they prepare."""
        self._waiter, self._left, self._names = waiter, queries, names
        self._prepared.clear()
        self._row = self._error = None
        self._has_run = False
        self._is_active = True

    def expect_prepared(self, sql: str, name: bytes) -> None:
        """Expect that a statement was prepared, in the order of these calls."""
        self._prepared.append((sql, name))

    def expire(self) -> None:
        """End the wait for the responses with `TimeoutError`."""
        self._finish(TimeoutError())

    def data_received(self, data: bytes) -> None:
        """Handle all complete messages."""
        if not self._is_active:
            self._regular.data_received(data)
            return
        buffer = self._buffer
        buffer += data
        start, size = 0, len(buffer)
        while size - start >= _HEADER_BYTES:
            kind, length = _HEADER.unpack_from(buffer, start)
            end = start + 1 + length
            if end > size:
                break
            self._handle(kind, bytes(buffer[start + _HEADER_BYTES : end]))
            start = end
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss to the waiting request and to asyncpg."""
        message = f"the connection was lost: {self._error or exc or 'Postgres closed it'}"
        is_early = self._error is not None and not self._has_run
        kind = NothingRunError if is_early else asyncpg.ConnectionDoesNotExistError
        self._finish(kind(message))
        self._regular.connection_lost(exc)

    def eof_received(self) -> bool | None:
        """Notify asyncpg, which decides whether the transport closes."""
        return self._regular.eof_received()

    def pause_writing(self) -> None:
        """Notify asyncpg, which waits."""
        self._regular.pause_writing()

    def resume_writing(self) -> None:
        """Notify asyncpg, which goes on."""
        self._regular.resume_writing()

    def _handle(self, kind: bytes, body: bytes) -> None:
        match kind:
            case b"D":
                if self._left == 1 and self._row is None:
                    self._row = _parse_row(body)
            case b"C":
                self._left -= 1
                self._has_run = True
            case b"1":
                sql, name = self._prepared.pop(0)
                if name:
                    self._names[sql] = name
            case b"E":
                self._error = self._error or _parse_error(body)
            case b"Z":
                self.status = body[0]
                self._is_active = False
                self._finish(self._error)
            case _:
                pass  # notices, changed settings, closed statements

    def _finish(self, error: Exception | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(self._row)
        else:
            waiter.set_exception(error)


def _frame(kind: bytes, body: bytes) -> bytes:
    return _HEADER.pack(kind, len(body) + 4) + body


def _encode_bind(name: bytes, arguments: Sequence[Argument]) -> bytes:
    """Return the message that binds a statement; parameters and results are text."""
    parts = [b"\0", name, b"\0\0\0", _COUNT.pack(len(arguments))]
    for argument in arguments:
        text = argument if isinstance(argument, str) else _encode_array(argument)
        try:
            value = text.encode()
        except UnicodeEncodeError as error:
            raise asyncpg.DataError(str(error)) from error
        parts += (_LENGTH.pack(len(value)), value)
    parts.append(b"\0\0")
    return _frame(b"B", b"".join(parts))


def _encode_array(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in quoted) + "}"


def _parse_row(body: bytes) -> Row:
    (count,) = _COUNT.unpack_from(body)
    row: Row = []
    start = _COUNT.size
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(body, start)
        start += _LENGTH.size
        if length == _NULL:
            row.append(None)
            continue
        row.append(body[start : start + length].decode())
        start += length
    return row


def _parse_error(body: bytes) -> asyncpg.PostgresError:
    fields = {
        each[:1].decode(): each[1:].decode(errors="replace") for each in body.split(b"\0") if each
    }
    error: asyncpg.PostgresError = asyncpg.PostgresError.new(fields)
    return error
