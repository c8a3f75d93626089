"""Caps on what may be spent, and how much of them is spent."""

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.parts import Here, Reader
from gateway.principal import Principal
from protocol.records import Budget

router = APIRouter(tags=["fleet"])


class Budgets(BaseModel):
    """Caps as they stand in their periods."""

    budgets: list[Budget]


@router.get("/budgets", summary="Show the caps on spending")
async def budgets(here: Here, asker: Reader) -> Budgets:
    """Give the caps of your own; with the scope `admin` all of them."""
    found = await here.office.fetch_budgets()
    return Budgets(budgets=[each for each in found if _concerns(asker, each)])


def _concerns(asker: Principal, budget: Budget) -> bool:
    if asker.is_admin:
        return True
    return asker.owner is not None and (budget.scope, budget.key) == ("owner", str(asker.owner))
