"""One embedded server for the whole test run, in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.private_files import read_json_object
from embedded.state import State, read_state
from tests.support.servers.postgres import state_directory

READY_SECONDS = 120


@contextlib.contextmanager
def embedded_server(directory: Path, *arguments: str) -> Iterator[State]:
    """Run `python -m embedded` on `directory` until the block ends, then stop it in order."""
    reading, writing = os.pipe()
    with (
        os.fdopen(reading) as ready,
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "cogo.process.parent_watch",  # a run that is killed leaves no server
                "embedded",
                f"--dir={directory}",
                f"--ready-fd={writing}",
                *arguments,
            ],
            pass_fds=[writing],
            stdin=subprocess.PIPE,
        ) as process,
    ):
        os.close(writing)
        try:
            assert ready.readline(), "the embedded server did not start; its reason is above"
            state = read_state(directory)
            assert state, read_json_object(directory / "state.json")
            yield state
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=READY_SECONDS) == 0


@pytest.fixture(scope="session")
def supabase_server() -> Iterator[State]:
    """Has `url`, `publishable_key`, `secret_key`, `anon_key`, `service_role_key` and `db_url`.

    Shared by all tests of the run: make your own schema objects with names of your own.
    """
    with state_directory() as directory, embedded_server(directory) as state:
        yield state
