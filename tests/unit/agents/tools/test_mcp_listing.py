"""What servers say about their tools: checked, cleaned, and named for models."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.mcp.listing import (
    MAX_DESCRIPTION,
    ListedTool,
    build_call_names,
    build_listing,
    clean_text,
)
from agents.tools.mcp.server import McpServer
from agents.tools.names import read_mcp_module, read_mcp_name, write_mcp_module, write_mcp_name
from tests.support.json_values import OBJECTS
from tests.support.mcp.hosts import a_host, a_hostile_server

SAFE = set(string.ascii_letters + string.digits + "_-")


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, max_size=20))
def test_models_get_safe_and_different_names(names: list[str]) -> None:
    call_names = build_call_names("server", names)

    assert set(call_names) == set(names)
    assert len(set(call_names.values())) == len(names)
    assert all(set(each) <= SAFE and len(each) <= 64 for each in call_names.values())


def test_a_name_for_models_does_not_depend_on_the_order() -> None:
    names = ["a.b", "a/b", "a_b", "x" * 100]

    assert build_call_names("s", names) == build_call_names("s", reversed(names))
    assert build_call_names("s", names)["a_b"] == "s__a_b"


@given(st.text(max_size=500))
def test_cleaned_text_holds_nothing_that_nobody_sees(text: str) -> None:
    cleaned = clean_text(text, 100)

    assert len(cleaned) <= 100
    assert all(each.isprintable() or each.isspace() for each in cleaned)
    assert clean_text(cleaned, 100) == cleaned


@given(st.lists(st.builds(ListedTool, name=st.text(), description=st.text(), input_schema=OBJECTS)))
def test_any_list_can_be_read(listed: list[ListedTool]) -> None:
    found = build_listing(McpServer(name="any"), listed, {})

    assert {each.name for each in listed} >= found.tools.keys()
    for name, tool in found.tools.items():
        assert read_mcp_name(tool.offered.name) == ("any", name)
        assert tool.listed.digest
        assert len(tool.offered.description) <= MAX_DESCRIPTION


async def test_a_tool_that_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    async with a_host(a_hostile_server(tmp_path / "log", "names")) as host:
        tools = {each.name: each.call_name for each in await host.list_tools()}
        problems = host.problems

    assert tools.keys() == {"mcp:bad/good", "mcp:bad/dot.ted", "mcp:bad/dot/ted", "mcp:bad/twice"}
    assert tools["mcp:bad/good"] == "bad__good"
    assert len(set(tools.values())) == len(tools)
    assert problems["bad/bell"].startswith("its name has spaces, control characters")
    assert problems["bad/a b"] == problems["bad/bell"]
    assert problems["bad/twice"] == "it is listed twice; the first is used"
    assert problems["bad/list"].startswith("inputSchema: ")
    assert problems["bad/array"].startswith("inputSchema.type: ")
    assert problems["bad/remote"].startswith("its inputSchema: ")
    assert "https://example.com/schema" in problems["bad/remote"]
    assert problems["bad/huge"].endswith("bytes; at most 65536 are allowed")
    assert problems["bad/number 14"] == problems["bad/number 15"] == "it has no name"


async def test_descriptions_are_cut_and_cleaned(tmp_path: Path) -> None:
    async with a_host(a_hostile_server(tmp_path / "log", "descriptions")) as host:
        [tool] = await host.list_tools()

    assert len(tool.description) == MAX_DESCRIPTION
    assert tool.description.startswith("Ec[2JhoEc[2Jho")


def a_tool(name: str, *, reads: bool = False, again: bool = False) -> ListedTool:
    schema = {"type": "object", "description": "a\x1bb", "properties": {"description": {}}}
    return ListedTool(name=name, input_schema=schema, is_read_only=reads, is_idempotent=again)


def test_the_operator_decides_what_may_be_used_and_how() -> None:
    listed = [a_tool("read", reads=True), a_tool("put", again=True), a_tool("pay"), a_tool("drop")]
    server = McpServer(
        name="shop",
        tools=frozenset({"read", "put", "pay"}),
        approval=frozenset({"pay"}),
        idempotent=frozenset({"pay"}),
        seconds=7,
    )

    found = build_listing(server, listed, {})
    offered = {name: tool.offered for name, tool in found.tools.items()}

    assert offered.keys() == {"read", "put", "pay"}
    assert found.left_out == {"drop": "tools = [...] of [mcp.servers.shop] does not name it"}
    assert {name for name, each in offered.items() if each.is_idempotent} == {"read", "put", "pay"}
    assert {name for name, each in offered.items() if each.needs_approval} == {"pay"}
    assert offered["pay"].seconds == 7
    assert offered["pay"].parameters["description"] == "ab"
    assert offered["pay"].parameters["properties"] == {"description": {}}


def test_a_server_that_is_read_only_offers_only_what_says_that_it_reads() -> None:
    listed = [a_tool("read", reads=True), a_tool("write")]

    found = build_listing(McpServer(name="files", is_read_only=True, approval=True), listed, {})

    assert found.tools.keys() == {"read"}
    assert found.tools["read"].offered.needs_approval
    assert "read_only = true" in found.left_out["write"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mcp:files/read", ("files", "read")),
        ("mcp:files/a/b", ("files", "a/b")),
        ("mcp:files", None),
        ("mcp:/read", None),
        ("files/read", None),
        ("acme.tools.lookup", None),
    ],
)
def test_names_of_tools_are_read_as_they_are_written(
    name: str, parts: tuple[str, str] | None
) -> None:
    assert read_mcp_name(name) == parts
    assert parts is None or write_mcp_name(*parts) == name
    assert read_mcp_module(write_mcp_module("files")) == "files"
    assert read_mcp_module("acme.tools") is None
