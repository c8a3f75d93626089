"""Dependencies of the routes: the services behind them, and principals with a scope."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Protocol, TypeAlias, cast
from urllib.parse import unquote

from fastapi import Depends
from starlette.requests import HTTPConnection

from gateway.auth.authenticator import Authenticator, read_credential
from gateway.auth.principal import Principal, Scope, TaskLabels, require_scope
from gateway.auth.sign_in import SignIn
from gateway.limits.connection_limiter import URGENT_PATHS, get_client_address
from gateway.limits.credential_monitor import CredentialMonitor
from gateway.links.tokens import LinkSigner
from gateway.metrics import GatewayMetrics
from gateway.models import ModelDirectory
from gateway.options import GatewayOptions
from gateway.streams.task_feeds import TaskFeeds
from gateway.streams.task_lists import TaskLists
from gateway.tasks.memory import MemoryServices
from protocol.store.gateway import GatewayStore
from protocol.store.operator import set_operator

PROJECT_HEADER: Final = "x-cogo-project"
TAGS_HEADER: Final = "x-cogo-tags"
"""Tags, separated by commas."""


class HasStore(Protocol):
    """Services of which only the store is used."""

    @property
    def store(self) -> GatewayStore:
        """The store."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayServices:
    """The services that routes use."""

    store: GatewayStore
    feeds: TaskFeeds
    task_lists: TaskLists
    model_directory: ModelDirectory
    authenticator: Authenticator
    sign_in: SignIn
    credentials: CredentialMonitor
    metrics: GatewayMetrics
    options: GatewayOptions
    memory: MemoryServices
    links: LinkSigner | None = None
    """Signs links to questions; None: there are none."""


def _get_services(connection: HTTPConnection) -> GatewayServices:
    return cast("GatewayServices", connection.app.state.services)


def _require(scope: Scope) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    async def authorize_connection(connection: HTTPConnection) -> Principal:
        return await authorize(connection, scope)

    return authorize_connection


async def authorize(connection: HTTPConnection, scope: Scope) -> Principal:
    """Return the principal of a connection. Raise Problem: 401, 403 (scope), 429."""
    principal = await authenticate_connection(connection)
    require_scope(principal, scope)
    return principal


async def authenticate_connection(connection: HTTPConnection) -> Principal:
    """Return the principal of a connection, whatever it may do. Raise Problem: 401, 429."""
    authenticator = _get_services(connection).authenticator
    is_urgent = connection.scope["path"] in URGENT_PATHS
    principal = await authenticator.authenticate(
        read_credential(connection.headers),
        address=get_client_address(connection.scope),
        is_urgent=is_urgent,
    )
    set_operator(principal.operator)  # for the rest of this request
    connection.state.rate = authenticator.read_rate(principal.key_id)
    connection.state.key_id = principal.key_id
    connection.state.principal = principal
    connection.state.slot.transfer_to(principal.key_id, is_urgent=is_urgent)
    labels = _read_labels(connection)
    return replace(principal, labels=labels) if labels else principal


def _read_labels(connection: HTTPConnection) -> TaskLabels | None:
    """Return what the headers say of tasks; letters beyond ASCII come percent-encoded."""
    project = connection.headers.get(PROJECT_HEADER)
    tags = connection.headers.get(TAGS_HEADER)
    if project is None and tags is None:
        return None
    return TaskLabels(
        project=None if project is None else unquote(project),
        tags=tuple(unquote(each) for each in tags.split(",")) if tags else (),
    )


ServicesDep: TypeAlias = Annotated[GatewayServices, Depends(_get_services)]
TasksRead: TypeAlias = Annotated[Principal, Depends(_require(Scope.TASKS_READ))]
TasksWrite: TypeAlias = Annotated[Principal, Depends(_require(Scope.TASKS_WRITE))]
ModelsRead: TypeAlias = Annotated[Principal, Depends(_require(Scope.MODELS_READ))]
MetricsRead: TypeAlias = Annotated[Principal, Depends(_require(Scope.METRICS_READ))]
AdminOnly: TypeAlias = Annotated[Principal, Depends(_require(Scope.ADMIN))]
