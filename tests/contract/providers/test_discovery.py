"""Discovery of model servers on this machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from providers.adapters.http.body_limits import LONGEST_LISTING
from providers.adapters.local.discovery import LocalServer, find_servers
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router

PATIENT = timedelta(seconds=5)
"""For machines that are busy with other tests."""
OUR_LISTING = {"object": "list", "data": [{"id": "claude-sonnet-5-5", "owned_by": "cogo"}]}
LISTING = {"object": "list", "data": [{"id": "m", "owned_by": "somebody"}]}


class Servers:
    """Tiny HTTP servers with one response each."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack

    async def add(self, body: object, *, headers: str = "", status: str = "200 OK") -> int:
        """Start a server and return its port; it never answers if the body is None."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if body is None:
                await reader.read()
            else:
                text = body if isinstance(body, str) else json.dumps(body)
                head = f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n{headers}\r\n"
                writer.write((head + text).encode())
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        await self._stack.enter_async_context(server)
        port: int = server.sockets[0].getsockname()[1]
        return port


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(stack)


def a_catalogue(tmp_path: Path, **ports: list[int]) -> Catalogue:
    """Load the packaged catalogue with only these ports for its local providers."""
    names = ("ollama", "lmstudio", "vllm", "llamacpp", "mlx", "tei")
    path = tmp_path / "cogo.toml"
    path.write_text(
        "\n".join(f"[providers.{name}]\nports = {ports.get(name, [])}" for name in names)
    )
    return Catalogue.load(path)


async def test_a_server_becomes_lanes_of_its_own_models(servers: Servers, tmp_path: Path) -> None:
    listing = {"data": [{"id": "qwen:7b"}, {"id": "nomic-embed-text"}]}
    port = await servers.add(listing)
    catalogue = a_catalogue(tmp_path, ollama=[port])

    async with Router(catalogue, {}) as router:
        assert router.list_lanes() == []
        await router.discover()

        assert router.list_lanes() == ["ollama/qwen:7b"]
        [deployment] = router.list_deployments("ollama/qwen:7b")
        assert deployment.base_url == f"http://127.0.0.1:{port}/v1"
        assert deployment.host.local


async def test_servers_that_share_a_port_are_distinguished_by_their_listing(
    servers: Servers, tmp_path: Path
) -> None:
    port = await servers.add({"data": [{"id": "m", "owned_by": "llamacpp"}]})
    catalogue = a_catalogue(tmp_path, lmstudio=[port], llamacpp=[port], mlx=[port])

    [found] = await find_servers(catalogue, {}, within=PATIENT)

    assert found.provider == "llamacpp"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(LISTING, "x-cogo-gateway: 1\r\n", "200 OK", id="our own gateway"),
        pytest.param(OUR_LISTING, "", "200 OK", id="our own gateway behind a proxy"),
        pytest.param(LISTING, "x-cogo-simulated: true\r\n", "200 OK", id="our own simulator"),
        pytest.param("<html>", "", "200 OK", id="a web page"),
        pytest.param({"models": []}, "", "200 OK", id="another API"),
        pytest.param({"data": 3}, "", "200 OK", id="another shape"),
        pytest.param(LISTING, "", "404 Not Found", id="not found"),
        pytest.param(None, "", "200 OK", id="silence"),
    ],
)
async def test_another_kind_of_server_is_not_taken_for_a_model_server(
    servers: Servers, tmp_path: Path, body: object, headers: str, status: str
) -> None:
    port = await servers.add(body, headers=headers, status=status)

    assert await find_servers(a_catalogue(tmp_path, vllm=[port]), {}) == []


async def test_a_list_without_end_is_not_read(servers: Servers, tmp_path: Path) -> None:
    port = await servers.add(json.dumps(LISTING).ljust(LONGEST_LISTING + 1))

    assert await find_servers(a_catalogue(tmp_path, vllm=[port]), {}, within=PATIENT) == []


async def test_a_given_base_url_is_asked_with_its_key(servers: Servers, tmp_path: Path) -> None:
    port = await servers.add(LISTING)
    base_url = f"http://127.0.0.1:{port}/v1"
    given = Credential(key=SecretStr("k"), base_url=f"{base_url}/chat/completions")

    catalogue = a_catalogue(tmp_path)
    found = await find_servers(catalogue, {"openai-compatible": given}, within=PATIENT)

    assert found == [
        LocalServer(provider="openai-compatible", base_url=base_url, models=("m",)),
    ]


async def test_a_silent_port_does_not_hold_up_the_others(servers: Servers, tmp_path: Path) -> None:
    silent, good = await servers.add(None), await servers.add(LISTING)
    catalogue = a_catalogue(tmp_path, vllm=[silent], ollama=[good])

    async with asyncio.timeout(60):  # the silent one would keep it for ever
        found = await find_servers(catalogue, {}, within=PATIENT)

    assert [server.provider for server in found] == ["ollama"]


async def test_several_servers_of_one_provider_serve_each_its_own_models(
    servers: Servers, tmp_path: Path
) -> None:
    small = await servers.add({"data": [{"id": "smollm2-135m-instruct", "owned_by": "llamacpp"}]})
    other = await servers.add({"data": [{"id": "qwen", "owned_by": "llamacpp"}]})
    urls = [f"http://127.0.0.1:{port}/v1" for port in (other, small)]
    given = Credential(base_url=urls[0], more_urls=(urls[1],))

    async with Router(a_catalogue(tmp_path), {"local-model": given}) as router:
        await router.discover()

        assert router.list_lanes() == ["smollm2-135m-instruct", "local-model/qwen"]
        [known] = router.list_deployments("smollm2-135m-instruct")
        [other_model] = router.list_deployments("local-model/qwen")
        assert [other_model.base_url, known.base_url] == urls
        assert {each.lane for each in router.list_open_models()} == set(router.list_lanes())


async def test_a_model_of_the_catalogue_is_not_served_by_a_server_with_another(
    servers: Servers, tmp_path: Path
) -> None:
    port = await servers.add({"data": [{"id": "qwen", "owned_by": "llamacpp"}]})
    given = Credential(base_url=f"http://127.0.0.1:{port}/v1")

    async with Router(a_catalogue(tmp_path), {"local-model": given}) as router:
        await router.discover()

        assert router.list_lanes() == ["local-model/qwen"]
