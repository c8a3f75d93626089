"""Cards: what a choice must know of each model, worked out once per catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import Model, Provider
from providers.errors import UnknownModel
from providers.prices import long_prompts, unit_prices

_MILLION = 1_000_000


class Price(NamedTuple):
    """Dollars for one token, when the prompt has more than `above` tokens; 0 on this machine."""

    above: int
    input_usd: float
    output_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One lane. What is not known of it is None, or absent."""

    model_id: str
    provider: str
    hosts: tuple[Provider, ...] = ()
    """Everybody who serves it."""
    capabilities: tuple[str, ...] = ()
    is_local: bool = False
    context_window: int | None = None
    tools: bool | None = None
    reasons_unasked: bool = False
    """It reasons when the request does not say whether it should, as most do not."""
    prices: tuple[Price, ...] = ()
    """By length of the prompt, short ones first; empty where no price is known."""
    output_usd: float | None = None
    """Dollars that one token of the answer to a short prompt costs where it is not simulated."""
    is_simulated: bool = False
    """The vendor simulator answers in its place, and costs nothing."""

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars of one call, None where no price is known: that is not free."""
        cost = None
        for price in self.prices:
            if cost is None or input_tokens > price.above:
                cost = input_tokens * price.input_usd + output_tokens * price.output_usd
        return cost


class ProfileCache:
    """The cards of one catalogue. Cards are made when first asked for, and then kept."""

    def __init__(self, catalogue: Catalogue, simulated: frozenset[str]) -> None:
        """`simulated`: the lanes that only the vendor simulator serves."""
        self.catalogue = catalogue
        self._simulated = simulated
        self._cards: dict[str, ModelProfile] = {}
        self._named: dict[str, tuple[tuple[str, ...], str | None]] = {}

    def card(self, lane: str) -> ModelProfile:
        """Give the card of a lane, whether this catalogue knows it or not."""
        card = self._cards.get(lane)
        if card is None:
            card = self._cards[lane] = self._made(lane)
        return card

    def warm(self, lanes: Iterable[str]) -> None:
        """Make these cards now; for another thread, before the first choice."""
        for lane in lanes:
            self.card(lane)

    def ids_of(self, name: str) -> tuple[tuple[str, ...], str | None]:
        """Give the ids that a name stands for, the one meant first, and the note about a successor.

        Raises UnknownModel.
        """
        found = self._named.get(name)
        if found is None:
            resolution = self.catalogue.resolve(name)
            ids = dict.fromkeys((resolution.asked_id, resolution.model.id))
            found = self._named[name] = (tuple(ids), resolution.note)
        return found

    def models_of(self, role: str) -> tuple[str, ...]:
        """Give the ids of a role, none when the catalogue has no such role."""
        roles = self.catalogue.roles
        return self.ids_of(roles[role])[0] if role in roles else ()

    def _made(self, lane: str) -> ModelProfile:
        facts = self.catalogue.facts(lane)
        try:
            model = self.catalogue.model(lane)
        except UnknownModel:
            return ModelProfile(model_id=lane, provider=facts.provider)
        is_simulated = lane in self._simulated
        usual = self._prices(model)
        return ModelProfile(
            model_id=lane,
            provider=facts.provider,
            hosts=self.catalogue.hosts(lane),
            capabilities=facts.capabilities,
            is_local=facts.is_local,
            context_window=facts.context_window,
            tools=model.takes_tools,
            reasons_unasked=model.reasons_unasked,
            prices=self._prices(model, simulated=True) if is_simulated else usual,
            output_usd=usual[0].output_usd if usual else None,
            is_simulated=is_simulated,
        )

    def _prices(self, model: Model, *, simulated: bool = False) -> tuple[Price, ...]:
        """Return those of the first deployment whose price is known."""
        for entry in model.deployments:
            host = self.catalogue.providers[entry.provider]
            place = Deployment(
                model=model, entry=entry, host=host, base_url="", simulated=simulated
            )
            steps = (0, *long_prompts(place))
            found = [(above, unit_prices(place, prompt=above + 1)) for above in steps]
            known = tuple(
                Price(above, float(each.input) / _MILLION, float(each.output) / _MILLION)
                for above, each in found
                if each is not None
            )
            if known:
                return known
        return ()


def get_profiles(catalogue: Catalogue, *, simulated: frozenset[str] = frozenset()) -> ProfileCache:
    """Return the current shelf of a catalogue, with `simulated` lanes priced at 0."""
    return _shelf(catalogue, catalogue.edition, simulated)


@lru_cache(maxsize=4)
def _shelf(catalogue: Catalogue, _edition: int, simulated: frozenset[str]) -> ProfileCache:
    return ProfileCache(catalogue, simulated)
