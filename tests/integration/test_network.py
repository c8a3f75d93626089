"""Proxies and certificates of the environment hold for every client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import httpx2
import pytest
import websockets
from pydantic import SecretStr

from cogo.cli.app import run
from cogo.config.network import prepare_network
from protocol.errors import CogoError
from protocol.transport.supabase_store import open_store
from providers.adapters.local.discovery import find_servers
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.errors import ProviderError
from providers.router import Router

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
ELSEWHERE = "elsewhere.example"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        for spelling in (name, name.lower()):
            monkeypatch.setenv(spelling, "")  # so that it is taken back, whatever changes it
            monkeypatch.delenv(spelling)
    return monkeypatch


@asynccontextmanager
async def socks_proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """Run a SOCKS5 proxy that answers with 404; yield its address and the requested hosts."""
    wanted: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), contextlib.closing(writer):
            _, methods = await reader.readexactly(2)
            await reader.readexactly(methods)
            writer.write(b"\x05\x00")
            head = await reader.readexactly(5)
            wanted.append((await reader.readexactly(head[4])).decode())
            await reader.readexactly(2)
            writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", wanted


async def by_httpx(host: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.get(f"http://{host}/")


async def by_httpx2(host: str) -> None:
    async with httpx2.AsyncClient() as client:
        await client.get(f"http://{host}/")


async def by_websockets(host: str) -> None:
    async with websockets.connect(f"ws://{host}/"):
        pass


async def by_supabase(host: str) -> None:
    async with open_store(f"http://{host}", "a-key") as store:
        await store.schema_versions()


async def by_probe(host: str) -> None:
    opened = {"openai-compatible": Credential(base_url=f"http://{host}/v1")}
    await find_servers(Catalogue.load(), opened)


def by_vendor(provider: str) -> Callable[[str], Awaitable[None]]:
    async def call(host: str) -> None:
        opened = {provider: Credential(key=SecretStr("a-key"), base_url=f"http://{host}/v1")}
        async with Router(Catalogue.load(), opened) as router:
            await router.list_models(provider)

    return call


CLIENTS: dict[str, Callable[[str], Awaitable[None]]] = {
    "httpx": by_httpx,
    "httpx2": by_httpx2,
    "websockets": by_websockets,
    "supabase": by_supabase,
    "probe": by_probe,
    **{name: by_vendor(name) for name in ("anthropic", "fireworks", "gemini", "openai")},
}


@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_takes_a_socks_proxy_but_to_this_machine(
    client: str, environment: pytest.MonkeyPatch
) -> None:
    async with socks_proxy() as (address, wanted):
        environment.setenv("ALL_PROXY", f"socks://{address}")  # as desktops write it
        environment.setenv("NO_PROXY", "inside.example")
        prepare_network()
        refused = (httpx.HTTPError, httpx2.HTTPError, OSError, websockets.WebSocketException)

        for host in ("127.0.0.1:9", "localhost:9", "inside.example:9", ELSEWHERE):
            with contextlib.suppress(*refused, CogoError, ProviderError):
                await CLIENTS[client](host)

    assert set(wanted) == {ELSEWHERE}


@pytest.mark.parametrize("spelling", ["NO_PROXY", "no_proxy"])
def test_hosts_that_need_no_proxy_stay_whichever_way_they_are_written(
    spelling: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PROXY", "http://proxy.example:3128")
    environment.setenv(spelling, "intranet.example, 10.0.0.1")

    prepare_network()

    with httpx.Client() as client:
        for host in ("127.0.0.1:54321", "[::1]:1", "localhost", "intranet.example", "10.0.0.1"):
            assert client._transport_for_url(httpx.URL(f"http://{host}")) is client._transport
        proxied = client._transport_for_url(httpx.URL(f"http://{ELSEWHERE}"))
        assert proxied is not client._transport


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks4://proxy.example:1080"),
        ("https_proxy", "ftp://proxy.example"),
        ("HTTP_PROXY", "http://proxy.example:many"),
        ("SSL_CERT_FILE", "{folder}/absent.pem"),
        ("SSL_CERT_FILE", "{folder}/empty.pem"),
        ("SSL_CERT_FILE", "{folder}"),
        ("SSL_CERT_DIR", "{folder}/absent"),
    ],
)
def test_a_variable_that_no_client_can_use_is_named_with_its_path(
    name: str,
    value: str,
    tmp_path: Path,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty.pem").touch()
    value = value.format(folder=tmp_path)
    environment.setenv(name, value)
    environment.chdir(tmp_path)

    code = run(["doctor"])

    [line] = capsys.readouterr().err.splitlines()
    assert code == 78
    assert line.startswith(f"cogo: {name} cannot be used")
    assert value in line or "proxy" in name.lower()
    assert "unset it" in line
