"""The server on the oldest Postgres of hosted projects."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from embedded.binding import LOOPBACK, bind_port
from embedded.keys import load_keys
from embedded.postgres.cluster import Postgres
from embedded.postgres.database import open_database
from embedded.realtime.hub import open_realtime
from embedded.server import create_supabase_app, serve_app
from embedded.storage.routes import open_contents
from tests.support.servers.contract_target import Target
from tests.support.servers.postgres import FAST, state_directory

OLDEST_MAJOR: Final = 15
_START_SECONDS: Final = 60


@contextlib.contextmanager
def older_server() -> Iterator[Target]:
    """Run the server in a thread with its own loop within the block."""
    with state_directory() as directory:
        server = _Server(directory)
        thread = threading.Thread(target=server.run, name="embedded server on an older Postgres")
        thread.start()
        try:
            yield server.wait()
        finally:
            server.stop()
            thread.join()


class _Server:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ready = threading.Event()
        self._target: Target | None = None
        self._end: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._serve())
        finally:
            self._ready.set()

    def wait(self) -> Target:
        assert self._ready.wait(_START_SECONDS)
        assert self._target is not None, "the server did not start; its reason is above"
        return self._target

    def stop(self) -> None:
        if self._end is not None:
            loop, ended = self._end
            loop.call_soon_threadsafe(ended.set)

    async def _serve(self) -> None:
        keys = load_keys(self._directory)
        ended = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            listener = stack.enter_context(bind_port(0))
            postgres = await stack.enter_async_context(
                Postgres(self._directory, major=OLDEST_MAJOR, settings=FAST)
            )
            database = await stack.enter_async_context(
                open_database(
                    requests_dsn=postgres.dsn("authenticator"),
                    admin_dsn=postgres.dsn("supabase_admin"),
                )
            )
            realtime = await stack.enter_async_context(open_realtime(database, keys))
            contents = await open_contents(self._directory, database)
            app = create_supabase_app(database, keys, realtime, contents)
            await stack.enter_async_context(serve_app(app, listener))
            self._target = Target(
                url=f"http://{LOOPBACK}:{listener.getsockname()[1]}",
                publishable_key=keys.publishable,
                secret_key=keys.secret,
                db_url=postgres.dsn("postgres"),
                is_embedded=True,
            )
            self._end = asyncio.get_running_loop(), ended
            self._ready.set()
            await ended.wait()
