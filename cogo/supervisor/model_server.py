"""The process of one served model: restarted when it dies, and when it no longer answers."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx2
from loguru import logger
from pydantic import JsonValue

from cogo.config.local_model import find_last_port, find_served_model, get_served_directory
from cogo.errors import ChildFailed
from cogo.local_model.install import find_library
from cogo.supervisor.child import Spec, build_module_arguments
from cogo.supervisor.ports import find_free_port, find_port
from cogo.supervisor.restart import RestartingChild

_PATIENCE: Final = timedelta(seconds=8)
_CHECK_EVERY: Final = timedelta(seconds=2)
_ANSWER: Final = timedelta(seconds=5)
_SILENT_CHECKS: Final = 4


def build_model_server_spec(alias: str, log: Path | None, last: Mapping[str, JsonValue]) -> Spec:
    """Build the spec of a server, which stops with its parent and keeps its last port."""
    port = find_port(last, "url") or find_last_port(alias)
    return Spec(
        name=alias,
        arguments=build_module_arguments(
            *("cogo.process.parent_watch", "cogo.local_model.server"),
            *("--library", str(find_library()), "--alias", alias),
            *("--served", str(get_served_directory())),
            *("--port", str(find_free_port(port))),
        ),
        log=log,
        patience=_PATIENCE,
    )


class ModelServer(RestartingChild):
    """Keeps the server of a model running until its reservation is removed.

    A server whose health check stays unanswered is killed, and restarted.
    """

    def __init__(
        self,
        alias: str,
        build_spec: Callable[[Mapping[str, JsonValue]], Spec],
        *,
        check_every: timedelta = _CHECK_EVERY,
        answer_within: timedelta = _ANSWER,
    ) -> None:
        """Create a supervisor; see RestartingChild."""
        super().__init__(build_spec)
        self._alias = alias
        self._check_every = check_every.total_seconds()
        self._answer_within = answer_within.total_seconds()

    async def run(self) -> None:
        """Start the server and restart it until `stop` is called. Raises ChildFailed."""
        failure: ChildFailed | None = None
        async with asyncio.TaskGroup() as group:
            checking = group.create_task(self._check(), name="health of a model server")
            try:
                await super().run()
            except ChildFailed as error:
                failure = error
            checking.cancel()
        if failure is not None:
            raise failure

    async def _check(self) -> None:
        async with httpx2.AsyncClient(trust_env=False, timeout=self._answer_within) as http:
            silent = 0
            while find_served_model(self._alias) is not None:
                await asyncio.sleep(self._check_every)
                url, pid = self.get_url("url"), self.pid
                if not self.ready.is_set() or url is None or pid is None:
                    silent = 0
                    continue
                silent = 0 if await _answers(http, url) else silent + 1
                if silent >= _SILENT_CHECKS:
                    silent = 0
                    logger.warning("killing a model server that does not answer", pid=pid)
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        logger.info("a model is no longer served", model=self._alias)
        self.stop()


async def _answers(http: httpx2.AsyncClient, url: str) -> bool:
    """Ask for the health, which does not wake a model that sleeps."""
    try:
        answer = await http.get(f"{url.removesuffix('/v1')}/health")
    except httpx2.HTTPError:
        return False
    return answer.is_success
