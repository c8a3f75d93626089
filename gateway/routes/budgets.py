"""Budgets and what is spent of them."""

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.auth.principal import Principal
from gateway.dependencies import ServicesDep, TasksRead
from protocol.records import Budget

router = APIRouter(tags=["fleet"])


class Budgets(BaseModel):
    """Budgets in their current periods."""

    budgets: list[Budget]


@router.get("/budgets", summary="Show budgets")
async def budgets(services: ServicesDep, principal: TasksRead) -> Budgets:
    """Return your own budgets; with the scope `admin`, all that operators set."""
    found = await services.store.fetch_budgets()
    if principal.is_admin:
        return Budgets(budgets=[each for each in found if not each.is_personal_default])
    return Budgets(budgets=_select_budgets(principal, found))


def _select_budgets(principal: Principal, budgets: list[Budget]) -> list[Budget]:
    """Select the budgets of a caller: their own, else the default, of which nothing is spent."""
    if principal.owner is None:
        return []
    owners = [each for each in budgets if each.scope == "owner"]
    own = [each for each in owners if each.key == str(principal.owner)]
    return own or [each for each in owners if each.is_template]
