"""Selection requests, with defaults for all that a test does not set."""

from dataclasses import replace
from typing import Any

from agents.errors import NoModel
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.preferences import Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

CATALOGUE = Catalogue.load()
DEFAULT_MODEL = CATALOGUE.resolve("default").model.id
CODING_MODEL = CATALOGUE.resolve("coding").model.id
TOP, MIDDLE, CHEAP, LOCAL = "claude-opus-5-5", DEFAULT_MODEL, "gpt-4o-mini", "ollama/a"
KIND = "code-generation"


def wanted(policy: str = "rules", *served: str, **fields: Any) -> SelectionRequest:
    """Ask for a plain function; `preferences` and `needs` may be given as mappings."""
    needs = fields.pop("needs", {})
    preferences = fields.pop("preferences", {})
    return SelectionRequest(
        needs=Requirements.model_validate(needs) if isinstance(needs, dict) else needs,
        preferences=Preferences.model_validate(preferences),
        policy=PolicyName(policy),
        served=served or (TOP, MIDDLE, CHEAP, LOCAL),
        **({"prompt_characters": 300} | fields),
    )


def seen(n: float, share: float, **fields: Any) -> Observed:
    """So many outcomes, and that share of them good."""
    return Observed(judged=n, good=n * share, **({"answered": n} | fields))


def knowing(outcomes: dict[str, Observed] | None = None, **fields: Any) -> Knowledge:
    """Know these outcomes of code generation, by model."""
    by_kind = {(model, KIND): each for model, each in (outcomes or {}).items()}
    return Knowledge(observations=Observations(outcomes=by_kind, **fields))


def recommend(
    question: SelectionRequest, catalogue: Catalogue, knowledge: Knowledge = NOTHING_KNOWN
) -> list[str]:
    """Return the eligible models in their order; the requested one has no privilege."""
    try:
        choice = choose_model(replace(question, requested=None), catalogue, knowledge)
    except NoModel:
        return []
    return list(choice.ranking)
