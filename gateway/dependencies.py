"""What the routes work with, and how they ask who is asking."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from gateway.auth.authenticator import Gatekeeper, credential_of
from gateway.auth.principal import Principal, Scope
from gateway.limits.admissions import Admissions
from gateway.limits.seats import client_address
from gateway.metrics import Metrics
from gateway.models import ModelDirectory
from gateway.options import GatewayOptions
from gateway.problems import Problem
from gateway.streams.hub import Hub
from gateway.streams.task_lists import Boards
from protocol.store.gateway import GatewayStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything behind the routes."""

    store: GatewayStore
    hub: Hub
    boards: Boards
    directory: ModelDirectory
    gatekeeper: Gatekeeper
    admissions: Admissions
    metrics: Metrics
    options: GatewayOptions


def _parts(connection: HTTPConnection) -> Parts:
    return cast("Parts", connection.app.state.parts)


def _with(scope: Scope) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    async def identify(connection: HTTPConnection) -> Principal:
        return await admit(connection, scope)

    return identify


async def admit(connection: HTTPConnection, scope: Scope) -> Principal:
    """Give who asks. Raises Problem: 401, 403, 429."""
    credential = credential_of(connection.headers)
    principal = await _parts(connection).gatekeeper.identify(
        credential, address=client_address(connection.scope)
    )
    connection.state.key_id = principal.key_id
    connection.state.seat.give_to(principal.key_id)
    if not principal.may(scope):
        raise Problem(
            403,
            "scope_missing",
            f"this key may not do this: it lacks the scope {scope}",
            hint=f"`cogo keys create --scope {scope}` makes one that may",
        )
    return principal


Here: TypeAlias = Annotated[Parts, Depends(_parts)]
Reader: TypeAlias = Annotated[Principal, Depends(_with(Scope.TASKS_READ))]
Writer: TypeAlias = Annotated[Principal, Depends(_with(Scope.TASKS_WRITE))]
ModelsReader: TypeAlias = Annotated[Principal, Depends(_with(Scope.MODELS_READ))]
MetricsReader: TypeAlias = Annotated[Principal, Depends(_with(Scope.METRICS_READ))]
Operator: TypeAlias = Annotated[Principal, Depends(_with(Scope.ADMIN))]
