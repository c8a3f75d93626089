"""Tuned models without an entry, known by the form of their names.

An entry with `base` says more: its own name, its price, and the lane under which it is served.
"""

import re
from collections.abc import Mapping
from typing import Final

from providers.catalogue.schema import DeploymentEntry, Model

__all__ = ["build_fine_tuned_model"]

_OPENAI: Final = re.compile(r"(?:openai/)?(?P<own>ft:(?P<base>[^:]+):\S+)")
_FIREWORKS: Final = re.compile(
    r"(?:fireworks/)?(?P<own>accounts/(?!fireworks/)[^/\s]+/(?:models|deployments|deployedModels)/\S+)"
)
_DATED: Final = re.compile(r"-\d{4}-\d\d-\d\d$")


def build_fine_tuned_model(name: str, models: Mapping[str, Model]) -> Model | None:
    """The model that a name like `ft:gpt-4.1-mini:us::1` or `accounts/us/models/ours` stands for.

    What is known of the base holds for it, but the price: that is unknown without an entry.
    """
    name = name.strip()
    if found := _OPENAI.fullmatch(name):
        base = models.get(_DATED.sub("", found["base"]))
        return _model(found["own"], "openai", base, maker=base.maker if base else "OpenAI")
    if found := _FIREWORKS.fullmatch(name):
        return _model(found["own"], "fireworks", None, maker="unknown")
    return None


def _model(own: str, provider: str, base: Model | None, *, maker: str) -> Model:
    known = {
        "aliases": (),
        "base": base.id if base else None,
        "deployments": (DeploymentEntry(provider=provider, model=own),),
        "id": f"{provider}/{own}",
        "maker": maker,
        "name": own,
        "retirement": None,
        "ending": None,
    }
    if base is not None:
        return base.model_copy(update=known)
    return Model.model_validate(known | {"capabilities": ("code-generation", "general")})
