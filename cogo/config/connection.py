"""The connection: the address of the Supabase of a project, and the keys for it."""

import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from cogo.config.context import Project
from cogo.config.lock import is_lock_held
from cogo.config.settings import EXAMPLES
from cogo.errors import NotRunning, SettingMissing
from embedded.state import State, is_alive, read_state

_RESTART_SECONDS: Final = 5.0
"""How long a server may take to start that another process is starting or restarting."""
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An address and the keys for it."""

    url: str
    secret_key: SecretStr
    publishable_key: str | None
    is_embedded: bool

    @property
    def host(self) -> str:
        """The host of the address."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_hosted(self) -> bool:
        """Whether the project is hosted by Supabase, where deliveries are metered."""
        return self.host.endswith((".supabase.co", ".supabase.in"))


def find_connection(project: Project) -> Connection:
    """Return the connection to SUPABASE_URL if set, else to the embedded server.

    Waits for a few seconds if the embedded server is being restarted. Raises SettingMissing (an
    address without a key) and NotRunning.
    """
    settings = project.settings
    if settings.supabase_url is None:
        return connection_from_state(_require_state(project))
    if settings.supabase_secret_key is None:
        raise SettingMissing("SUPABASE_SECRET_KEY", example=EXAMPLES["SUPABASE_SECRET_KEY"])
    return Connection(
        url=settings.supabase_url.rstrip("/"),
        secret_key=settings.supabase_secret_key,
        publishable_key=settings.supabase_publishable_key,
        is_embedded=False,
    )


def find_database_url(project: Project) -> str:
    """Return the URL of the database for migrations: SUPABASE_DB_URL, else the embedded one.

    Raises SettingMissing if only SUPABASE_URL is set, and NotRunning.
    """
    settings = project.settings
    if settings.supabase_db_url is not None:
        return settings.supabase_db_url.get_secret_value()
    if settings.supabase_url is not None:
        raise SettingMissing("SUPABASE_DB_URL", example=EXAMPLES["SUPABASE_DB_URL"])
    return _require_state(project).db_url


def connection_from_state(state: State) -> Connection:
    """Return the connection to the embedded server that wrote `state`."""
    return Connection(
        url=state.url,
        secret_key=SecretStr(state.secret_key),
        publishable_key=state.publishable_key,
        is_embedded=True,
    )


def _require_state(project: Project) -> State:
    deadline = time.monotonic() + _RESTART_SECONDS
    while True:
        state = read_state(project.home)
        if state is not None and is_alive(state):
            return state
        if not is_lock_held(project.home):
            raise NotRunning(
                f"no Supabase is running for {project.home}: start one with `cogo up`, or set "
                f"SUPABASE_URL (for example {EXAMPLES['SUPABASE_URL']}) and SUPABASE_SECRET_KEY"
            )
        if time.monotonic() > deadline:
            raise NotRunning(
                f"the Supabase of {project.home} is starting or stopping: try again, "
                f"or see {project.home / 'logs'}"
            )
        time.sleep(_POLL_SECONDS)
