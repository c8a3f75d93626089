"""Addresses of a gateway, and those that need keys."""

import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from cogo.config.connection import connection_from_state
from cogo.config.context import Project
from cogo.config.settings import Settings, config_directory
from cogo.errors import CommandError
from cogo.process.bootstrap import AgentBootstrap
from cogo.process.gateway import open_listener, serve_gateway
from embedded.state import State
from gateway.auth.keys import generate_key, hash_key
from protocol.ids import utc_now
from protocol.records import AgentRecord, NewApiKey
from protocol.transport.supabase_store import SupabaseStore
from tests.integration.gateway.conftest import OpenGateway
from tests.support.eventually import eventually

HOST = "127.0.0.1"


def test_the_next_free_port_is_taken_and_said() -> None:
    said: list[dict[str, Any]] = []
    sink = logger.add(lambda message: said.append(dict(message.record)), level="INFO")
    try:
        with socket.create_server((HOST, 0)) as other:
            taken = other.getsockname()[1]
            with open_listener(HOST, None, first=taken) as found:
                port = found.getsockname()[1]
    finally:
        logger.remove(sink)

    assert port > taken
    [line] = said
    assert "next free one is used" in line["message"]
    assert line["extra"]["port"] == port


def test_a_port_that_was_asked_for_and_is_taken_is_a_clear_error() -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"{HOST}:{taken}.*--port"):
            open_listener(HOST, taken)


@pytest.mark.parametrize("key", ["none", "expired", "revoked"])
async def test_beyond_loopback_it_does_not_start_without_a_key_that_works(
    project: State, store: SupabaseStore, tmp_path: Path, key: str
) -> None:
    if key != "none":
        key_id, text = generate_key()
        end = utc_now() - timedelta(hours=1) if key == "expired" else None
        new = NewApiKey(id=key_id, hash=hash_key(text), name=key, scopes=["admin"], expires_at=end)
        await store.create_api_key(new)
        if key == "revoked":
            await store.revoke_api_key(key_id=key_id)
    bootstrap = AgentBootstrap(connection=connection_from_state(project))
    here = Project(settings=Settings.load(tmp_path), home=tmp_path, directory=tmp_path)

    with pytest.raises(CommandError, match="cogo keys create"):
        await serve_gateway(here, bootstrap, host="0.0.0.0", port=None, with_parent=False)  # noqa: S104


async def test_a_model_that_is_added_to_the_catalogue_file_has_its_name_at_once(
    opened: OpenGateway, store: SupabaseStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config_directory().mkdir()
    agent = AgentRecord(id="executor-1", kind="executor", capacity=1, lanes=["mine"])
    await store.record_agent(agent)
    async with opened() as client:
        assert (await client.get("/v1/models/my own")).status_code == 404
        (config_directory() / "cogo.toml").write_text(
            '[models."mine"]\nname = "My own"\nmaker = "Us"\n'
            'deployments = [{ provider = "openai-compatible", model = "m" }]\n'
        )

        async def is_known() -> bool:
            return (await client.get("/v1/models/my own")).status_code == 200

        await eventually(is_known)
