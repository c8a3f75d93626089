"""The recipes of the page about MCP servers, started as they are written."""

import asyncio
import json
import re
import shutil
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agents.tools.mcp import McpServer
from agents.tools.mcp.limits import McpLimits
from cogo.config.context import Project
from cogo.config.sections.mcp_servers import find_mcp_servers
from cogo.config.settings import Settings
from tests.support.mcp.hosts import a_host
from tests.support.sources import ROOT

PAGE = (ROOT / "docs/how-to/use-mcp-servers.md").read_text("utf-8")
RECIPES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPABASE_PROJECT_REF", "abcdefghijklmnopqrst")
    monkeypatch.setenv("SUPABASE_ACCESS_TOKEN", "sbp_" + "0" * 40)


def read(recipe: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> McpServer:
    file = folder / "recipe.toml"
    file.write_text(recipe, "utf-8")
    monkeypatch.setenv("COGO_CATALOGUE", str(file))
    project = Project(settings=Settings.load(folder), home=folder, directory=folder)
    [server] = find_mcp_servers(project)
    return server


@pytest.fixture
async def supabase() -> AsyncIterator[tuple[str, list[str]]]:
    """Stand in for Supabase's addresses; yield the URL, and what is asked there."""
    asked: list[str] = []

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.splitlines()[0])
        found = re.search(r"(?i)content-length: (\d+)", head)
        asked.append((await reader.readexactly(int(found[1]) if found else 0)).decode())
        value = {"data": {"schema": "type Query { x: Int }"}} if "graphql" in head else []
        body = json.dumps(value).encode()
        lines = ["HTTP/1.1 200 OK", "content-type: application/json", "connection: close"]
        writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


def test_every_recipe_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [read(each, tmp_path, monkeypatch) for each in RECIPES]

    assert [each.name for each in servers] == ["files", "supabase", "supabase", "supabase"]
    hosted = servers[2]
    assert hosted.url == (
        "https://mcp.supabase.com/mcp?project_ref=abcdefghijklmnopqrst&read_only=true"
    )
    assert hosted.headers == {"Authorization": "Bearer sbp_" + "0" * 40}
    assert [each.is_read_only for each in servers] == [True, True, True, False]
    assert servers[3].needs_approval("apply_migration")


@pytest.mark.skipif(
    shutil.which("npx") is None, reason="npx, with which the recipes start, is not on the PATH"
)
async def test_the_server_of_supabase_starts_and_reads_one_project(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    javascript_folder: Path,
    supabase: tuple[str, list[str]],
) -> None:
    url, asked = supabase
    written = read(RECIPES[1], tmp_path, monkeypatch)
    server = replace(
        written,
        cwd=javascript_folder,  # where npx finds the package, in the version of the recipe
        command=(*written.command, f"--api-url={url}", f"--content-api-url={url}/graphql"),
    )

    async with a_host(server, limits=McpLimits(start_seconds=120)) as host:
        names = {each.name for each in await host.list_tools()}
        problems = host.problems
        output = await host.run_tool("mcp:supabase/execute_sql", {"query": "select 1"})

    assert {"mcp:supabase/list_tables", "mcp:supabase/execute_sql"} <= names
    assert "mcp:supabase/apply_migration" not in names
    assert problems == {}
    assert not output.is_error
    assert any("/v1/projects/abcdefghijklmnopqrst/database/query" in each for each in asked)
    assert json.loads(asked[-1]) == {"query": "select 1", "read_only": True}
