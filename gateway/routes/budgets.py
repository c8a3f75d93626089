"""Caps on what may be spent, and how much of them is spent."""

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.auth.principal import Principal
from gateway.dependencies import Here, Reader
from protocol.records import Budget

router = APIRouter(tags=["fleet"])


class Budgets(BaseModel):
    """Caps as they stand in their periods."""

    budgets: list[Budget]


@router.get("/budgets", summary="Show the caps on spending")
async def budgets(here: Here, asker: Reader) -> Budgets:
    """Return your own caps; with the scope `admin`, all that operators set."""
    found = await here.store.fetch_budgets()
    if asker.is_admin:
        return Budgets(budgets=[each for each in found if not each.is_personal_default])
    return Budgets(budgets=_budgets_for(asker, found))


def _budgets_for(asker: Principal, budgets: list[Budget]) -> list[Budget]:
    """Select the caps of a caller: their own, else the default, of which nothing is spent yet."""
    if asker.owner is None:
        return []
    owners = [each for each in budgets if each.scope == "owner"]
    own = [each for each in owners if each.key == str(asker.owner)]
    return own or [each for each in owners if each.is_template]
