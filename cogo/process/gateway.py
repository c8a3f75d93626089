"""The process of the gateway: finds a port and serves until it is stopped."""

import asyncio
import errno
import gc
import json
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import uvicorn
from loguru import logger

from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.errors import CommandError
from cogo.process.bootstrap import AgentBootstrap
from cogo.process.parent_watch import watch_parent
from cogo.process.shutdown import Shutdown, shut_down_on_signals
from cogo.terminal import print_line
from cogo.wiring.gateway import build_gateway_options, open_services
from cogo.wiring.stores import open_supabase_store
from gateway.app import create_app
from gateway.limits.slow_clients import TimeoutHttpProtocol, TimeoutWebSocketProtocol
from gateway.metrics import GatewayMetrics
from gateway.middleware import EdgeMiddleware
from gateway.options import GatewayOptions

PORT: Final = 8000
_TRIES: Final = 100
_PORTS: Final = 65_536
_GRACE_SECONDS: Final = 2
"""Time for responses in progress; then streams are cut off, and clients resume elsewhere."""
_SOCKETS: Final = 512
"""Maximum number of connections waiting to be accepted."""
_FILES: Final = 8_192


async def serve_gateway(
    project: Project,
    bootstrap: AgentBootstrap,
    *,
    host: str,
    port: int | None,
    with_parent: bool,
    no_key: bool = False,
) -> None:
    """Serve until stopped. Open streams are then ended; clients resume elsewhere.

    Raises CommandError if the port cannot be used, or if other machines could reach the gateway
    and no key exists.
    """
    connection = bootstrap.connection
    options = build_gateway_options(project.settings, host=host, no_key=no_key)
    if not options.is_loopback:
        await _require_keys(connection, host, is_keyless=options.is_keyless)
    metrics = GatewayMetrics()
    opening = partial(open_services, project, connection, options, metrics)
    app = create_app(opening, options, metrics)
    listening = open_listener(host, port)
    url = _build_url(host, listening.getsockname()[1])
    config = build_server_config(app, options)
    raise_file_limit()
    server = _Server(config, on_ready=partial(_report_ready, url, is_keyless=options.is_keyless))
    with listening, shut_down_on_signals() as shutdown:
        if with_parent:
            watch_parent()
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(_stop(server, shutdown), name="stop")
            await server.serve([listening])
            stopping.cancel()


def build_server_config(app: EdgeMiddleware, options: GatewayOptions) -> uvicorn.Config:
    """Build uvicorn's configuration, with our limits for slow clients."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(options.proxies),  # unset, it would be all of loopback
        http=TimeoutHttpProtocol.configure(options),
        ws=TimeoutWebSocketProtocol.configure(options),
        ws_max_size=options.body_bytes,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def raise_file_limit() -> None:
    """Raise the limit of open files, because each connection counts as one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class _Server(uvicorn.Server):
    """A server that calls `on_ready`, and does not handle signals."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _report_ready(url: str, *, is_keyless: bool) -> None:
    gc.freeze()  # what was loaded stays: no collection during requests needs to search it
    logger.info("the gateway is ready", url=url)
    if is_keyless:
        logger.warning("requests need no key: every user of this machine has all rights")
    else:
        logger.info("every request needs a key or a user's token; `cogo keys create` makes a key")
    print_line(json.dumps({"ready": "gateway", "url": url, "keyless": is_keyless}))


def open_listener(host: str, port: int | None, *, first: int = PORT) -> socket.socket:
    """Listen on `port`; None: on `first` or the next free one. Raises CommandError."""
    for number in range(first, min(first + _TRIES, _PORTS)) if port is None else (port,):
        try:
            listening = _listen(host, number)
        except OSError as error:
            if port is None and error.errno == errno.EADDRINUSE:
                continue
            raise CommandError(
                f"the gateway cannot listen on {host}:{number}: {error.strerror}; "
                "choose others with --host and --port"
            ) from error
        if number not in {first, port}:
            logger.info("the usual port is taken, the next free one is used", port=number)
        return listening
    raise CommandError(f"no port from {first} on is free; choose one with --port")


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_SOCKETS)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


async def _require_keys(connection: Connection, host: str, *, is_keyless: bool) -> None:
    if is_keyless:
        raise CommandError(
            f"on {host} everyone could use it: remove --no-key and COGO_GATEWAY_KEYLESS, "
            "or listen on 127.0.0.1"
        )
    async with open_supabase_store(connection) as store:
        if any(each.usable for each in await store.fetch_api_keys()):
            return
    raise CommandError(
        f"on {host} everyone could use it: create a key first with `cogo keys create`, "
        "or listen on 127.0.0.1"
    )


async def _stop(server: uvicorn.Server, shutdown: Shutdown) -> None:
    await shutdown.drain.wait()
    server.should_exit = True
    await shutdown.cancel.wait()
    server.force_exit = True


def _build_url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
