"""Spending caps."""

from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.auth.principal import Principal
from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from gateway.problems import Problem
from gateway.routes.operate.values import NO_OWNER, Reason
from gateway.strict_json import StrictRoute
from protocol.records import Budget, BudgetPeriod, BudgetScope
from protocol.store.operator import stating

router = APIRouter(prefix="/budgets", tags=["operate"], route_class=StrictRoute)

CapKey: TypeAlias = Annotated[
    str | None,
    Field(
        max_length=500,
        description="Of scope owner: a UUID, `none` (tasks without an owner), `*` (each user "
        "without a cap of their own) or `anonymous`; of others an id; of total nothing.",
    ),
]


class Budgets(BaseModel):
    """Budgets in their current periods."""

    budgets: list[Budget]


class CapRequest(BaseModel):
    """Which cap."""

    model_config = ConfigDict(extra="forbid")

    scope: BudgetScope
    key: CapKey = None
    per: BudgetPeriod = "day"
    reason: Reason = None


class SetCapRequest(CapRequest):
    """A cap and its limit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"scope": "total", "per": "day", "limit_usd": "20"},
                {"scope": "provider", "key": "anthropic", "per": "month", "limit_usd": "100"},
            ]
        }
    )

    limit_usd: Decimal = Field(ge=0, le=1_000_000_000, decimal_places=6)
    allow_unpriced: bool = Field(False, description="Allow models whose price is unknown.")


class RemovedCap(BaseModel):
    """Whether there was such a cap."""

    removed: bool


@router.get("", summary="Show budgets")
async def budgets(services: ServicesDep, principal: TasksRead) -> Budgets:
    """Return your own budgets; with the scope `admin`, all that operators set."""
    found = await services.store.fetch_budgets()
    if principal.is_admin:
        return Budgets(budgets=[each for each in found if not each.is_personal_default])
    return Budgets(budgets=_select_budgets(principal, found))


@router.put("", summary="Set a spending cap")
async def set_budget(services: ServicesDep, _principal: AdminOnly, body: SetCapRequest) -> Budget:
    """Cap spending in US dollars: a call that could exceed it is refused before it is made."""
    with stating(body.reason):
        return await services.store.set_budget(
            scope=body.scope,
            key=_parse_key(body),
            per=body.per,
            limit_usd=body.limit_usd,
            allow_unpriced=body.allow_unpriced,
        )


@router.delete("", summary="Remove a spending cap")
async def remove_budget(
    services: ServicesDep, _principal: AdminOnly, cap: Annotated[CapRequest, Query()]
) -> RemovedCap:
    """Remove a cap. What waited for it goes on."""
    with stating(cap.reason):
        removed = await services.store.remove_budget(
            scope=cap.scope, key=_parse_key(cap), per=cap.per
        )
    return RemovedCap(removed=removed)


def _parse_key(cap: CapRequest) -> str | None:
    """Return the key as the store takes it. Raise Problem."""
    if (cap.scope == "total") != (not cap.key):
        needs = "no key" if cap.scope == "total" else "a key"
        raise Problem(400, "invalid_request", f"key: a cap of scope {cap.scope} has {needs}")
    if cap.scope == "owner" and cap.key not in {NO_OWNER, "*", "anonymous"}:
        try:
            return str(UUID(cap.key))
        except ValueError as error:
            raise Problem(
                400,
                "invalid_request",
                "key: must be the UUID of a user, none, * or anonymous",
            ) from error
    return None if (cap.scope, cap.key) == ("owner", NO_OWNER) else cap.key


def _select_budgets(principal: Principal, budgets: list[Budget]) -> list[Budget]:
    """Select the budgets of a caller: their own, else the default, and those of projects."""
    projects = [
        each for each in budgets if each.scope == "project" and each.key in principal.read_projects
    ]
    if principal.owner is None or principal.project is not None:
        return projects
    owners = [each for each in budgets if each.scope == "owner"]
    own = [each for each in owners if each.key == str(principal.owner)]
    return [*(own or (each for each in owners if each.is_template)), *projects]
