"""What the steps of a plan are expected to cost. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ConfigDict, JsonValue

from agents.workflows.planning.proposal import ASK, STEP_TYPES, StepType


class PlanEstimate(BaseModel):
    """How many calls a plan makes, and what they cost."""

    model_config = ConfigDict(frozen=True)

    calls: int
    usd: float | None
    """With the models that would be tried first; None if a price is unknown."""
    at_most_usd: float | None
    """With the strongest models."""

    def describe(self) -> str:
        """Return it as the end of a sentence."""
        if self.usd is None:
            return f"{self.calls} calls of models, of unknown cost"
        most = "" if self.at_most_usd is None else f", up to ${self.at_most_usd:.2g}"
        return f"{self.calls} calls of models, about ${self.usd:.2g}{most}"


def list_priced_roles(types: Iterable[str]) -> list[str]:
    """Return the roles for which prices are needed, each once."""
    return list(dict.fromkeys(_find_type(each).role for each in types))


def estimate_plan(types: Iterable[str], ladders: Mapping[str, JsonValue]) -> PlanEstimate:
    """Return what steps of these types cost; `ladders` has the recorded decision of each role."""
    calls: Counter[str] = Counter()
    for each in types:
        found = _find_type(each)
        calls[found.role] += found.calls
    firsts, strongest = {}, {}
    for role, decision in ladders.items():
        given = decision if isinstance(decision, dict) else {}
        models = given.get("models")
        firsts[role] = _read_price(models[0] if isinstance(models, list) and models else None)
        strongest[role] = _read_price(given.get("strongest"))
    return PlanEstimate(
        calls=calls.total(),
        usd=_sum_prices(calls, firsts),
        at_most_usd=_sum_prices(calls, strongest),
    )


def _find_type(name: str) -> StepType:
    """Return a type of steps; what is none is refused elsewhere, and counts as a question."""
    return STEP_TYPES.get(name, STEP_TYPES[ASK])


def _sum_prices(calls: Mapping[str, int], prices: Mapping[str, float | None]) -> float | None:
    total = 0.0
    for role, count in calls.items():
        price = prices.get(role)
        if price is None:
            return None
        total += count * price
    return round(total, 6)


def _read_price(model: JsonValue) -> float | None:
    usd = model.get("expected_usd") if isinstance(model, dict) else None
    return float(usd) if isinstance(usd, int | float) else None
