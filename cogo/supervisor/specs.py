"""The command lines of the processes of `cogo up`."""

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from cogo.config.context import Project
from cogo.process.bootstrap import AgentKind
from cogo.process.fork import IS_FORKABLE
from cogo.supervisor.child import Spec, build_module_arguments
from cogo.supervisor.model_server import build_model_server_spec
from cogo.supervisor.ports import ANY_PORT, find_free_port, find_port
from cogo.supervisor.stack import StackOptions

Report = Mapping[str, JsonValue]
"""The ready report of the last process of this name; empty before the first."""

_AGENT_PATIENCE: Final = timedelta(seconds=8)
_SERVER_PATIENCE: Final = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class SpecBuilder:
    """Builds the specs of one stack. A restarted process keeps its port."""

    project: Project
    options: StackOptions

    def build_server(self, last: Report) -> Spec:
        """Build the spec of the embedded server, which stops with its parent.

        The first is a fork of this process, since what it imports is needed here, too.
        """
        port = find_port(last, "url") or self.options.port
        return self._build(
            "server",
            *("cogo.process.parent_watch", "embedded", "--ready-fd", "1"),
            *self._directory,
            *([] if port is None else ["--port", str(port)]),
            patience=_SERVER_PATIENCE,
            is_fork=IS_FORKABLE and not last,
        )

    def build_simulator(self, last: Report) -> Spec:
        """Build the spec of the vendor simulator."""
        port = find_port(last, "url") or ANY_PORT
        return self._build(
            "simulator",
            *("simulator", "--with-parent", "--port", str(port)),
            is_fork=IS_FORKABLE and not last,
        )

    def build_local_model(self, last: Report) -> Spec:
        """Build the spec of the local model's server."""
        hosting = self.options.local_model
        assert hosting is not None  # noqa: S101 - or it would not be started
        return build_model_server_spec(hosting.model.alias, self._get_log("local-model"), last)

    def build_gateway(self, last: Report) -> Spec:
        """Build the spec of the HTTP gateway; the first is a fork, as those of agents are."""
        port = find_port(last, "url") or self.options.gateway_port
        return self._build(
            "gateway",
            *("cogo", "serve", "gateway", "--with-parent"),
            *self._directory,
            *([] if port is None else ["--port", str(port)]),
            *([] if self.options.needs_key else ["--no-key"]),
            is_fork=IS_FORKABLE and not last,
        )

    def build_agent(self, name: str, kind: AgentKind, last: Report) -> Spec:
        """Build the spec of an agent, with a new id so that it does not inherit old leases.

        The first is a fork of this process. Later ones are not: other threads may be busy then.
        """
        agent_id = f"{name}@{socket.gethostname()}-{secrets.token_hex(3)}"
        port = find_free_port(find_port(last, "health_url"))
        return self._build(
            name,
            *("cogo", "serve", kind, "--with-parent", "--id", agent_id),
            *self._directory,
            *("--health-port", str(port)),
            *(["--capacity", str(self.options.capacity)] if kind == "executor" else []),
            agent_id=agent_id,
            is_fork=IS_FORKABLE and not last,
        )

    @property
    def _directory(self) -> tuple[str, str]:
        return "--dir", str(self.project.home)

    def _build(
        self,
        name: str,
        *arguments: str,
        patience: timedelta = _AGENT_PATIENCE,
        agent_id: str | None = None,
        is_fork: bool = False,
    ) -> Spec:
        return Spec(
            name=name,
            arguments=build_module_arguments(*arguments),
            log=self._get_log(name),
            patience=patience,
            agent_id=agent_id,
            is_fork=is_fork,
        )

    def _get_log(self, name: str) -> Path | None:
        return None if self.options.shows_logs else self.project.home / "logs" / f"{name}.log"
