"""An MCP server that is a program: its process, its pipes, its end."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream
from loguru import logger
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import jsonrpc_message_adapter

from agents.runtime.json_process import describe_exit
from agents.tools.mcp import guard
from agents.tools.mcp.limits import MIB, Allowance, McpLimits, TooMuch
from agents.tools.mcp.listing import clean_text
from agents.tools.mcp.messages import Item
from agents.tools.mcp.server import McpServer
from providers.secrets import Redactor

_WAITING_MESSAGES: Final = 256
"""Messages to a server that does not read them, before calls wait for it to."""
_LAST_LINES: Final = 5
_LOGGED_LINES: Final = 200
_MAX_LINE: Final = 1_000
_KILL_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


class ServerProcess:
    """The process of a server, whose messages are lines of JSON."""

    def __init__(
        self, server: McpServer, *, limits: McpLimits, allowance: Allowance, redactor: Redactor
    ) -> None:
        self._server = server
        self._limits = limits
        self._allowance = allowance
        self._redactor = redactor
        self._last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._logged = asyncio.Event()
        self.problem: str | None = None
        """Why its messages have ended, when they have."""

    @asynccontextmanager
    async def open(
        self,
    ) -> AsyncIterator[tuple[ObjectReceiveStream[Item], ObjectSendStream[SessionMessage]]]:
        """Start it, and yield the messages from it and to it. Raises OSError."""
        to_client, messages = anyio.create_memory_object_stream[Item](0)
        requests, to_server = anyio.create_memory_object_stream[SessionMessage](_WAITING_MESSAGES)
        lifeline, ours = os.pipe()
        try:
            process = await self._start(lifeline)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(lifeline)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._read, process, to_client)
                group.start_soon(self._write, process, to_server, to_client)
                group.start_soon(self._log, process)
                try:
                    yield messages, requests
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._end(process, ours)
                    group.cancel_scope.cancel()
        finally:
            for each in (to_client, messages, requests, to_server):
                each.close()

    async def _start(self, lifeline: int) -> Process:
        command = (sys.executable, "-I", "-S", guard.__file__, str(lifeline))
        return await asyncio.create_subprocess_exec(
            *command,
            *self._server.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._server.environment,
            cwd=self._server.cwd,
            limit=self._limits.message_bytes,
            pass_fds=(lifeline,),
            start_new_session=True,  # Ctrl-C reaches only the agent
        )

    async def _end(self, process: Process, lifeline: int) -> None:
        """Close its input, and end it if that is not enough; it is known to have ended then."""
        if process.stdin is not None:
            process.stdin.close()
        await _wait_for_exit(process, self._limits.end_seconds)
        os.close(lifeline)
        if not await _wait_for_exit(process, _KILL_SECONDS):
            process.kill()
        # Nothing public closes pipes that are not read to the end, or that others still have.
        transport = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()

    async def _read(self, process: Process, to_client: ObjectSendStream[Item]) -> None:
        if process.stdout is None:
            return
        async with to_client:
            try:
                while line := await process.stdout.readline():
                    self._allowance.take(size=len(line))
                    if not line.isspace():
                        await to_client.send(_parse(line))
            except TooMuch as error:
                self.problem = str(error)
            except ValueError:  # of readline
                size = f"{self._limits.message_bytes / MIB:g} MiB"
                self.problem = f"it sent a message of more than {size}"
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                return
            else:
                self.problem = await self._describe_end(process)

    async def _write(
        self,
        process: Process,
        to_server: ObjectReceiveStream[SessionMessage],
        to_client: ObjectSendStream[Item],
    ) -> None:
        if process.stdin is None:
            return
        try:
            async for each in to_server:
                text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(text.encode() + b"\n")
                async with asyncio.timeout(self._limits.write_seconds):
                    await process.stdin.drain()
        except TimeoutError:
            self.problem = "it does not read its input"
            await to_client.aclose()
        except (ConnectionError, RuntimeError):
            return  # its output ends as well, or calls end by their time limit

    async def _log(self, process: Process) -> None:
        """Log what it writes to its standard error, without secrets; too much is left out."""
        count = 0
        while process.stderr is not None:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than a message
                continue
            if not line:
                break
            text = self._redactor.redact(line[:_MAX_LINE].decode("utf-8", "replace").strip())
            if not text:
                continue
            count += 1
            self._last_lines.append(text)
            if count <= _LOGGED_LINES:
                logger.info("MCP server", server=self._server.name, line=text)
            elif count == _LOGGED_LINES + 1:
                logger.warning("MCP server: more lines are not logged", server=self._server.name)
        self._logged.set()

    async def _describe_end(self, process: Process) -> str:
        """Return how it has ended, with its last words."""
        has_ended = await _wait_for_exit(process, _KILL_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(_KILL_SECONDS if has_ended else 0):
                await self._logged.wait()
        code = process.returncode if has_ended else None
        how = "it has closed its output" if code is None else f"it has ended: {describe_exit(code)}"
        words = clean_text(" / ".join(self._last_lines), _MAX_LINE)
        return f"{how}: {words}" if words else how


async def _wait_for_exit(process: Process, seconds: float) -> bool:
    """Return whether it ends in this time.

    Not by `wait`, which also waits for pipes that its children may still have.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while process.returncode is None:  # noqa: ASYNC110 - nothing else tells it
                await asyncio.sleep(_POLL_SECONDS)
    return process.returncode is not None


def _parse(line: bytes) -> Item:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error
