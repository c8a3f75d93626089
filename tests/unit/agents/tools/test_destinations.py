"""Tools that send what they get to other machines, under data policies."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import pytest

from agents.fetching import AllowList, Fetcher
from agents.tools.host import ToolFailed
from agents.tools.mcp import McpServer
from agents.tools.own.web import FetchUrl
from agents.tools.toolbox import OfferedTool, Toolbox, ToolContext, ToolOutput
from providers.calls.middleware import CallContext


class Recording:
    """Tools that record what they were sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def list_tools(self) -> Sequence[OfferedTool]:
        return [
            OfferedTool(
                name=name, call_name=name, description="", parameters={}, source="mcp", sends_to=to
            )
            for name, to in (("here", None), ("there", "example.com"))
        ]

    async def run_tool(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext, **_: Any
    ) -> ToolOutput:
        self.sent.append(name)
        return ToolOutput(content=None)


def a_context(*rules: str) -> ToolContext:
    return ToolContext(
        task_id=uuid4(), subtask_id=uuid4(), attempt=1, key="k", owner=None,
        call=CallContext(data_policy=rules),
    )  # fmt: skip


async def test_under_local_only_a_tool_elsewhere_gets_nothing() -> None:
    tools = Recording()
    toolbox = Toolbox([tools])

    await toolbox.run_tool("here", {"text": "a secret"}, a_context("local-only"))
    await toolbox.run_tool("there", {"text": "no secret"}, a_context("eu"))
    with pytest.raises(ToolFailed, match=r"there must not be used for this: .* to example\.com"):
        await toolbox.run_tool("there", {"text": "a secret"}, a_context("eu", "local-only"))

    assert tools.sent == ["here", "there"]


@pytest.mark.parametrize(
    ("server", "place"),
    [
        (McpServer(name="a", command=("program",)), None),
        (McpServer(name="a", url="http://127.0.0.1:9/mcp"), None),
        (McpServer(name="a", url="https://mcp.example.com/"), "mcp.example.com"),
    ],
)
def test_a_server_elsewhere_is_known_by_its_url(server: McpServer, place: str | None) -> None:
    assert server.other_host == place


def test_fetching_sends_an_address() -> None:
    assert FetchUrl(Fetcher(AllowList())).offer.sends_to is not None
