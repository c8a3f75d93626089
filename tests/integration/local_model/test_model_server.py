"""The supervisor of a model server: a server that no longer answers is killed and restarted."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from cogo.config.local_model import (
    HostedModel,
    get_served_directory,
    remove_served_model,
    write_served_model,
)
from cogo.supervisor.child import Spec
from cogo.supervisor.model_server import ModelServer
from tests.support.eventually import eventually
from tests.support.processes import is_running

pytestmark = pytest.mark.e2e

MUTE = """
import json, signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"url": f"http://127.0.0.1:{server.getsockname()[1]}/v1"}), flush=True)
signal.pause()
"""
"""Accepts connections and never answers."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of served models, with one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    served = get_served_directory()
    served.mkdir(parents=True)
    model = HostedModel(
        alias="mute", supervisor=os.getpid(), memory=1, context=1, parallel=1, threads=1,
        idle_seconds=0, file="",
    )  # fmt: skip
    write_served_model(served, model)
    return served


async def test_a_server_that_accepts_and_never_answers_is_killed(folder: Path) -> None:
    pids: list[int] = []

    def build(_last: Mapping[str, JsonValue]) -> Spec:
        return Spec(name="mute", arguments=("-c", MUTE), log=None, patience=timedelta(seconds=5))

    server = ModelServer(
        "mute",
        build,
        check_every=timedelta(milliseconds=20),
        answer_within=timedelta(milliseconds=50),
    )

    async def was_replaced() -> bool:
        if server.pid is not None and server.pid not in pids:
            pids.append(server.pid)
        return len(pids) > 1 and not is_running(pids[0])

    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await eventually(was_replaced)
        remove_served_model(folder, "mute")  # as `cogo models rm --force` does
        await running
    assert not any(map(is_running, pids))
