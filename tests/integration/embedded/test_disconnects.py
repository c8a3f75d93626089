"""A disconnect in the middle of a request is not logged."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.eventually import eventually
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory


async def test_a_disconnect_before_the_body_logs_no_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with state_directory() as home, embedded_server(home) as state:
        place = urlsplit(state.url)
        head = (
            f"POST /realtime/v1/api/broadcast HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"apikey: {state.secret_key}\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000\r\n\r\n{"
        )
        with socket.create_connection((str(place.hostname), place.port or 80)) as leaving:
            leaving.sendall(head.encode())

        def answers() -> bool:
            return httpx.get(f"{state.url}/health", timeout=60).is_success

        await eventually(answers)

    assert "Traceback" not in capfd.readouterr().err
