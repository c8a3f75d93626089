"""What is read of the messages of a server: the rest never reaches the client.

The client makes a task of each notification, and reads a page of tools only as a whole.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeAlias

from anyio import EndOfStream
from mcp.shared.message import SessionMessage
from mcp_types import methods
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCResponse
from pydantic import ValidationError

from agents.tools.mcp.limits import Allowance, TooMuch
from protocol.json_values import explain_mistake

Item: TypeAlias = SessionMessage | Exception

_NOTIFICATIONS: Final = frozenset(
    f"notifications/{each}"
    for each in ("tools/list_changed", "cancelled", "subscriptions/acknowledged")
)
_PARTS: Final = ("name", "description", "inputSchema", "outputSchema", "annotations")
_PAGE: Final = {"ttlMs": 0, "cacheScope": "private", "resultType": "complete"}


class MessageSource(Protocol):
    """A stream of messages, as transports give it."""

    async def __anext__(self) -> Item:
        """Return the next message."""

    async def aclose(self) -> None:
        """Close the stream."""


class MessageSink(Protocol):
    """A stream of messages to a server."""

    async def send(self, item: SessionMessage, /) -> None:
        """Send one."""

    async def aclose(self) -> None:
        """Close the stream."""


class ServerMessages:
    """The messages of a server that matter, counted; it ends when there are too many."""

    def __init__(
        self,
        source: MessageSource,
        *,
        allowance: Allowance,
        version: Callable[[], str | None],
        on_problem: Callable[[str], None],
        on_tool_problem: Callable[[str, str], None],
        on_end: Callable[[], None],
    ) -> None:
        self._source = source
        self._allowance = allowance
        self._version = version
        self._on_problem = on_problem
        self._on_tool_problem = on_tool_problem
        self._on_end = on_end

    async def receive(self) -> Item:
        """Return the next message. Raises EndOfStream."""
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise EndOfStream from None

    async def aclose(self) -> None:
        """Close the source."""
        await self._source.aclose()

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> Item:
        """Return the next message that matters."""
        try:
            while True:
                item = await self._source.__anext__()
                self._allowance.take(messages=1)
                if (kept := self._keep(item)) is not None:
                    return kept
        except TooMuch as error:
            self._on_problem(str(error))
            self._on_end()
            raise StopAsyncIteration from None
        except BaseException:
            self._on_end()
            raise

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the source."""
        await self._source.aclose()

    def _keep(self, item: Item) -> Item | None:
        """Return an item without what cannot be used of it, or None."""
        if isinstance(item, Exception):
            return None  # a line that is no message, such as a log
        message = item.message
        if isinstance(message, JSONRPCNotification) and message.method not in _NOTIFICATIONS:
            return None
        if isinstance(message, JSONRPCResponse) and isinstance(message.result.get("tools"), list):
            message.result["tools"] = self._keep_tools(message.result["tools"])
        return item

    def _keep_tools(self, tools: Sequence[Any]) -> list[Any]:
        kept = []
        for number, each in enumerate(tools, start=1):
            name = each.get("name") if isinstance(each, dict) else None
            if not isinstance(name, str) or not name:
                self._on_tool_problem(f"number {number}", "it has no name")
                continue
            part = {key: each[key] for key in _PARTS if each.get(key) is not None}
            try:
                version = self._version() or "2025-11-25"
                methods.validate_server_result("tools/list", version, {"tools": [part], **_PAGE})
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, first["loc"][2:]))
                self._on_tool_problem(name, f"{where}: {explain_mistake(first)}")
                continue
            kept.append(part)
        return kept
