"""HTTP server for the health, readiness and metrics of one agent.

It runs in a thread, so that it answers even if the agent's event loop is blocked.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from socketserver import ThreadingMixIn
from typing import Any, Final, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from agents.runtime.health import Health, ProbeResult
from cogo.errors import CommandError

LOOPBACK: Final = "127.0.0.1"
_JSON: Final = "application/json"

StartResponse: TypeAlias = Callable[[str, list[tuple[str, str]]], Any]


class _Server(ThreadingMixIn, WSGIServer):
    """A server with a thread per request, so that a slow client does not delay a probe."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without the DNS lookup of the base class."""
        super(WSGIServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class _SilentHandler(WSGIRequestHandler):
    timeout = 5.0

    def log_message(self, *_: object) -> None:
        """Log nothing, because probes arrive every few seconds."""


@contextmanager
def serve_health(health: Health, port: int) -> Iterator[str]:
    """Serve /health, /ready and /metrics on loopback until the block ends; yield the URL.

    Port 0 means any free port. Raises CommandError when the port is taken.
    """
    try:
        server = make_server(
            LOOPBACK,
            port,
            partial(_answer, health),
            server_class=_Server,
            handler_class=_SilentHandler,
        )
    except OSError as error:
        raise CommandError(
            f"port {port} cannot be opened ({error.strerror}); "
            "choose another --health-port, or 0 for any free port"
        ) from error
    thread = threading.Thread(
        target=partial(server.serve_forever, poll_interval=0.1), name="health", daemon=True
    )
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(
    health: Health, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    status, kind, body = _build_page(health, str(environ.get("PATH_INFO")))
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def _build_page(health: Health, path: str) -> tuple[str, str, bytes]:
    match path:
        case "/health":
            return _build_probe_page(health.check_liveness())
        case "/ready":
            return _build_probe_page(health.check_readiness())
        case "/metrics":
            return "200 OK", CONTENT_TYPE_PLAIN_0_0_4, health.metrics.render()
        case _:
            body = json.dumps({"paths": ["/health", "/ready", "/metrics"]}).encode()
            return "404 Not Found", _JSON, body


def _build_probe_page(result: ProbeResult) -> tuple[str, str, bytes]:
    status = "200 OK" if result.ok else "503 Service Unavailable"
    body = json.dumps({"ok": result.ok, "reason": result.reason}).encode()
    return status, _JSON, body
