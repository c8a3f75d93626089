"""The connection: the address of the Supabase of a project, and the keys for it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import SecretStr

from cogo.config.context import Project
from cogo.config.settings import EXAMPLES
from cogo.errors import NotRunning, SettingMissing
from embedded.state import State, is_alive, read_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An address and the keys for it."""

    url: str
    secret_key: SecretStr
    publishable_key: str | None
    is_embedded: bool

    @property
    def is_hosted(self) -> bool:
        """Whether the project is hosted by Supabase, where deliveries are metered."""
        return (urlsplit(self.url).hostname or "").endswith((".supabase.co", ".supabase.in"))


def find_connection(project: Project) -> Connection:
    """Return the connection to SUPABASE_URL if set, else to the embedded server.

    Raises SettingMissing (an address without a key) and NotRunning.
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
    state = read_state(project.home)
    if state is None or not is_alive(state):
        raise NotRunning(
            f"no Supabase is running for {project.home}: start one with `cogo up`, "
            f"or set SUPABASE_URL (for example {EXAMPLES['SUPABASE_URL']}) and SUPABASE_SECRET_KEY"
        )
    return state
