"""Compare the catalogue with the installed packages: genai-prices and the vendors' SDKs."""

import importlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, get_args

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import DeploymentEntry, Model
from providers.prices import get_unit_prices

__all__ = ["Difference", "Kind", "VendorList", "find_differences", "read_known", "read_vendors"]

_OPENAI_ENDS: Final = re.compile(
    r'- ((?:"[^"]+",?\s*)+):\s*Announced shutdown\s+date:\s*(\d{4}-\d{2}-\d{2})'
)
_ORDINAL: Final = re.compile(r"(?<=\d)(?:st|nd|rd|th)")
_DATED: Final = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|latest)$")
"""The suffix of a snapshot of a model."""
_SAME_WINDOW: Final = 0.9
"""Sources round 1,048,576 differently."""


class Kind(StrEnum):
    """Subject of a difference."""

    END = "end"
    LISTING = "listing"
    PRICE = "price"
    WINDOW = "context window"
    MISSING = "missing"
    """Listed by a vendor's SDK, but not in the catalogue, which is a choice."""
    EXPLANATION = "explanation"
    """An explanation whose difference no longer exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference between the catalogue and a package."""

    kind: Kind
    model: str
    """The catalogue's id; the vendor's where the catalogue has none."""
    message: str
    explanation: str | None = None

    @property
    def is_contradiction(self) -> bool:
        """Whether the catalogue may be wrong."""
        return self.kind is not Kind.MISSING and self.explanation is None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorList:
    """The models that a vendor's SDK names."""

    provider: str
    """In the catalogue."""
    source: str
    models: frozenset[str]
    ends: Mapping[str, date]
    """Announced ends, by the vendor's id."""


def read_vendors() -> tuple[VendorList, ...]:
    """Return the lists of the installed SDKs."""
    openai = importlib.import_module("openai.types.shared.chat_model")
    anthropic = importlib.import_module("anthropic.types.model")
    messages = importlib.import_module("anthropic.resources.messages.messages")
    google = importlib.import_module("google.genai._gaos.types.interactions.model")
    return (
        VendorList(
            provider="openai",
            source=f"openai {version('openai')}",
            models=frozenset(_iter_literals(openai.ChatModel)),
            ends=dict(_iter_openai_ends(Path(str(openai.__file__)).read_text("utf-8"))),
        ),
        VendorList(
            provider="anthropic",
            source=f"anthropic {version('anthropic')}",
            models=frozenset(_iter_literals(anthropic.Model)) | messages.DEPRECATED_MODELS.keys(),
            ends={name: _parse_day(text) for name, text in messages.DEPRECATED_MODELS.items()},
        ),
        VendorList(
            provider="gemini",
            source=f"google-genai {version('google-genai')}",
            models=frozenset(_iter_literals(google.Model)),
            ends={},
        ),
    )


def read_known(text: str | None = None) -> Mapping[tuple[str, str], str]:
    """Return the explained differences: (kind, model) to explanation."""
    if text is None:
        text = Path(__file__).with_name("known_differences.toml").read_text("utf-8")
    return {
        (kind, model): explanation
        for kind, models in tomllib.loads(text).items()
        for model, explanation in models.items()
    }


def find_differences(
    catalogue: Catalogue,
    vendors: Sequence[VendorList],
    known: Mapping[tuple[str, str], str],
) -> list[Difference]:
    """Return all differences, with explanations; an obsolete explanation is a difference too."""
    found = [
        *(each for vendor in vendors for each in _compare_vendor(catalogue, vendor)),
        *(
            each
            for model in catalogue.models.values()
            for each in _compare_prices(catalogue, model)
        ),
    ]
    explained = [replace(each, explanation=known.get((each.kind, each.model))) for each in found]
    seen = {(str(each.kind), each.model) for each in found}
    stale = [
        Difference(kind=Kind.EXPLANATION, model=model, message=f"nothing differs in its {kind} now")
        for kind, model in known
        if (kind, model) not in seen
    ]
    return explained + stale


def _compare_vendor(catalogue: Catalogue, vendor: VendorList) -> Iterator[Difference]:
    served = {
        entry.model: model
        for model in catalogue.models.values()
        for entry in model.deployments
        if entry.provider == vendor.provider
    }
    for own_id, model in served.items():
        ours = model.retirement or model.ending
        theirs = vendor.ends.get(own_id)
        if theirs is not None and (ours is None or ours.on != theirs):
            here = f"the catalogue says {ours.on}" if ours else "the catalogue knows no end"
            message = f"{vendor.source} says that {own_id} ends on {theirs}; {here}"
            yield Difference(kind=Kind.END, model=model.id, message=message)
        if own_id not in vendor.models and model.retirement is None:
            message = f"{vendor.source} does not list {own_id}"
            yield Difference(kind=Kind.LISTING, model=model.id, message=message)
    for own_id in sorted(vendor.models - served.keys()):
        if _DATED.sub("", own_id) == own_id and own_id not in vendor.ends:
            message = f"{vendor.source} lists it; the catalogue does not"
            yield Difference(kind=Kind.MISSING, model=own_id, message=message)


def _compare_prices(catalogue: Catalogue, model: Model) -> Iterator[Difference]:
    if model.retirement is not None:
        return
    for entry in model.deployments:
        host = catalogue.providers[entry.provider]
        if host.genai_prices is None:
            continue
        place = Deployment(model=model, entry=entry, host=host, base_url="")
        asked = replace(place, entry=entry.model_copy(update={"prices": None}))
        theirs = get_unit_prices(asked)
        where = f"{entry.model} at {host.name}"
        if theirs is None and entry.prices is None:
            message = f"genai-prices knows no price of {where}"
            yield Difference(kind=Kind.PRICE, model=model.id, message=message)
        if theirs is not None and entry.prices is not None:
            message = f"genai-prices knows {where} now: take the catalogue's own price out"
            yield Difference(kind=Kind.PRICE, model=model.id, message=message)
        yield from _compare_facts(model, entry, host.genai_prices, where)


def _compare_facts(
    model: Model, entry: DeploymentEntry, provider: str, where: str
) -> Iterator[Difference]:
    info = _find_info(provider, entry.model)
    if info is None:
        return
    if info.deprecated:
        message = f"genai-prices calls {where} deprecated"
        yield Difference(kind=Kind.END, model=model.id, message=message)
    ours, theirs = model.context_window, info.context_window
    if ours and theirs and min(ours, theirs) / max(ours, theirs) < _SAME_WINDOW:
        message = f"genai-prices says {theirs:,} tokens for {where}; the catalogue says {ours:,}"
        yield Difference(kind=Kind.WINDOW, model=model.id, message=message)


def _find_info(provider: str, model: str) -> Any:
    import genai_prices

    try:
        found = genai_prices.calc_price(genai_prices.Usage(), model, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return found.model


def _iter_openai_ends(source: str) -> Iterable[tuple[str, date]]:
    """Yield the shutdown dates in the documentation of the SDK's type."""
    for names, day in _OPENAI_ENDS.findall(source):
        for name in re.findall(r'"([^"]+)"', names):
            yield name, date.fromisoformat(day)


def _parse_day(text: str) -> date:
    """Parse a day such as November 30th, 2026."""
    return datetime.strptime(_ORDINAL.sub("", text), "%B %d, %Y").date()  # noqa: DTZ007 - a day


def _iter_literals(kind: Any) -> Iterator[str]:
    for each in get_args(kind):
        if isinstance(each, str):
            yield each
        else:
            yield from _iter_literals(each)
