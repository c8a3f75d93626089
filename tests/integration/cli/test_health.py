"""Health and metrics over HTTP, also while the agent's loop is busy."""

import socket
import time

import httpx
import pytest

from agents.runtime.health import Health
from cogo.errors import CommandError
from cogo.process.health_server import serve_health
from cogo.supervisor.ports import ANY_PORT, find_free_port


def test_probes_report_the_health_of_the_agent_and_why() -> None:
    health = Health()
    with serve_health(health, 0) as url, httpx.Client(base_url=url, timeout=60) as http:
        live, ready = http.get("/health"), http.get("/ready")
        assert (live.status_code, live.json()["ok"]) == (200, True)
        assert (ready.status_code, ready.json()["ok"]) == (503, False)
        assert "has not answered" in ready.json()["reason"]

        health.mark_answered()
        health.alive_at = time.monotonic() - 3600
        assert http.get("/ready").status_code == 200
        assert http.get("/health").status_code == 503
        assert http.get("/else").json() == {"paths": ["/health", "/ready", "/metrics"]}


def test_metrics_are_in_the_format_of_prometheus() -> None:
    health = Health()
    health.metrics.count_claim(2)
    with serve_health(health, 0) as url:
        answer = httpx.get(f"{url}/metrics", timeout=60)

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'cogo_claims_total{result="found"} 1.0' in answer.text
    assert "# TYPE cogo_provider_first_token_seconds histogram" in answer.text


def test_a_client_that_hangs_delays_no_other() -> None:
    with (
        serve_health(Health(), 0) as url,
        socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)),
    ):
        assert httpx.get(f"{url}/health", timeout=5).status_code == 200


def test_a_port_that_is_taken_is_reported_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(CommandError, match=rf"{port}.*--health-port"),
            serve_health(Health(), port),
        ):
            pytest.fail("a port for two")
        assert find_free_port(port) == ANY_PORT

    assert find_free_port(port) == port
    assert find_free_port(None) == ANY_PORT
