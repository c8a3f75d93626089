"""Fine-tuned models without an entry, recognized by their names.

An entry with `base` can also give such a model a name, a price and a lane.
"""

import re
from collections.abc import Mapping
from typing import Final

from providers.catalogue.schema import DeploymentEntry, Model

_OPENAI: Final = re.compile(r"(?:openai/)?(?P<own>ft:(?P<base>[^:]+):\S+)")
_FIREWORKS: Final = re.compile(
    r"(?:fireworks/)?(?P<own>accounts/(?!fireworks/)[^/\s]+/(?:models|deployments|deployedModels)/\S+)"
)
_DATED: Final = re.compile(r"-\d{4}-\d\d-\d\d$")


def build_fine_tuned_model(name: str, models: Mapping[str, Model]) -> Model | None:
    """Return the model of a name like `ft:gpt-4.1-mini:us::1` or `accounts/us/models/ours`.

    It has the facts of its base, except the price, which is unknown without an entry.
    """
    name = name.strip()
    if found := _OPENAI.fullmatch(name):
        base = models.get(_DATED.sub("", found["base"]))
        return _build_model(found["own"], "openai", base, maker=base.maker if base else "OpenAI")
    if found := _FIREWORKS.fullmatch(name):
        return _build_model(found["own"], "fireworks", None, maker="unknown")
    return None


def _build_model(own: str, provider: str, base: Model | None, *, maker: str) -> Model:
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
