"""Model profiles: facts about each model for a choice, computed once per catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from providers.calls.max_cost import UNLIMITED_ANSWER, get_longest_answer
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Deployment
from providers.catalogue.open_models import Measured, OpenModel, fit_model
from providers.catalogue.schema import Model, Provider
from providers.errors import UnknownModel
from providers.prices import get_price_tiers, get_unit_prices

UNKNOWN_MAKER: Final = "unknown"
"""The maker of models that the catalogue does not describe."""
_MILLION = 1_000_000
_OLLAMA: Final = "ollama"
"""The adapter of a server that makes a grammar of every schema."""


class TokenPrice(NamedTuple):
    """Dollars per token for prompts of more than `above` tokens; 0 on this machine."""

    above: int
    input_usd: float
    output_usd: float
    cached_usd: float
    """For a token of the prompt that the vendor has cached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """One model, which is one lane. Unknown facts are None or absent."""

    model_id: str
    provider: str
    maker: str = UNKNOWN_MAKER
    hosts: tuple[Provider, ...] = ()
    """All providers that serve it."""
    capabilities: tuple[str, ...] = ()
    is_local: bool = False
    """Whether prompts stay on this machine."""
    known: OpenModel | None = None
    """What an executor reports of it, of an open model."""
    parameters: float | None = None
    """Billions, of an open model."""
    measured: Measured | None = None
    """What was measured of it where it runs."""
    context_window: int | None = None
    inputs: tuple[str, ...] | None = None
    """What it reads."""
    tools: bool | None = None
    writes_calls: bool = False
    """Whether it writes its calls of tools as text, since its server takes no tools."""
    forced_tools: bool | None = None
    """Whether it can be made to call a tool."""
    structured_output: bool = False
    """Whether it is known to take JSON Schemas, or a server of it makes grammars of them."""
    reasons_by_default: bool = False
    """Whether it reasons when the request does not mention reasoning, as most do not."""
    prices: tuple[TokenPrice, ...] = ()
    """By prompt length, ascending; empty if no price is known."""
    output_usd: float | None = None
    """The real price of an output token after a short prompt, also where it is simulated."""
    is_simulated: bool = False
    """Only the vendor simulator answers for it, at no cost."""

    max_answer_tokens: int = 0
    """The longest answer of a request that does not limit it, which spend caps reserve."""

    def cost(
        self, input_tokens: int, output_tokens: float, *, cached_share: float = 0.0
    ) -> float | None:
        """Return the US dollars of one call, or None if no price is known."""
        if not self.prices:
            return None
        _, prompt, answer, cached = self.prices[0]
        if len(self.prices) > 1:
            for tier in self.prices:
                if input_tokens > tier.above:
                    _, prompt, answer, cached = tier
        if cached_share:
            prompt += (cached - prompt) * cached_share
        return input_tokens * prompt + output_tokens * answer


class ProfileCache:
    """The profiles of one catalogue, each built at its first use."""

    def __init__(
        self,
        catalogue: Catalogue,
        simulated: frozenset[str],
        open_models: Iterable[OpenModel] = (),
    ) -> None:
        """Take the catalogue, and the lanes that only the vendor simulator serves.

        `open_models` are what executors report of models at servers of the operator.
        """
        self.catalogue = catalogue
        self._simulated = simulated
        self._open_models = {each.lane: each for each in open_models}
        self._profiles: dict[str, ModelProfile] = {}
        self._resolved: dict[str, tuple[tuple[str, ...], str | None]] = {}

    def get(self, lane: str) -> ModelProfile:
        """Return the profile of a lane; few facts are known if it is not in the catalogue."""
        profile = self._profiles.get(lane)
        if profile is None:
            profile = self._profiles[lane] = self._build(lane)
        return profile

    def preload(self, lanes: Iterable[str]) -> None:
        """Build these profiles now, for example in a thread before the first choice."""
        for lane in lanes:
            self.get(lane)

    def resolve(self, name: str) -> tuple[tuple[str, ...], str | None]:
        """Return the ids that a name may refer to, best first, and a note about a successor.

        Raises UnknownModel.
        """
        found = self._resolved.get(name)
        if found is None:
            resolution = self.catalogue.resolve(name)
            ids = dict.fromkeys((resolution.requested_id, resolution.model.id))
            found = self._resolved[name] = (tuple(ids), resolution.note)
        return found

    def resolve_role(self, role: str) -> tuple[str, ...]:
        """Return the ids of a role; empty if the catalogue has no such role."""
        roles = self.catalogue.roles
        return self.resolve(roles[role])[0] if role in roles else ()

    def _build(self, lane: str) -> ModelProfile:
        facts = self.catalogue.get_lane_facts(lane)
        try:
            model = self.catalogue.get_model(lane)
        except UnknownModel:
            return ModelProfile(model_id=lane, provider=facts.provider)
        hosts = self.catalogue.get_hosts(lane)
        known = self._open_models.get(lane) if any(e.is_self_hosted for e in hosts) else None
        if known is not None:
            takes_text_calls = any(each.wire.text_calls for each in hosts)
            model = fit_model(model, known, takes_text_calls=takes_text_calls)
            if known.is_remote:
                hosts = tuple(each.model_copy(update={"local": False}) for each in hosts)
        is_simulated = lane in self._simulated
        usual = self._find_prices(model)
        return ModelProfile(
            model_id=lane,
            provider=facts.provider,
            maker=model.maker,
            hosts=hosts,
            capabilities=facts.capabilities,
            is_local=known.is_here and all(e.local for e in hosts) if known else facts.is_local,
            known=known,
            parameters=known.parameters if known else None,
            measured=known.measured if known else None,
            context_window=model.context_window,
            inputs=model.inputs if "inputs" in model.model_fields_set else None,
            tools=model.takes_tools,
            writes_calls=known is not None and known.tool_mode == "text",
            forced_tools=model.forced_tools,
            structured_output=_takes_schemas(model, hosts),
            reasons_by_default=model.reasons_unasked,
            prices=self._find_prices(model, simulated=True) if is_simulated else usual,
            output_usd=usual[0].output_usd if usual else None,
            is_simulated=is_simulated,
            max_answer_tokens=find_longest_answer(model, hosts),
        )

    def _find_prices(self, model: Model, *, simulated: bool = False) -> tuple[TokenPrice, ...]:
        """Return the prices of the first deployment that has known ones."""
        for entry in model.deployments:
            host = self.catalogue.providers[entry.provider]
            deployment = Deployment(
                model=model, entry=entry, host=host, base_url="", simulated=simulated
            )
            prices = [
                (above, get_unit_prices(deployment, prompt=above + 1))
                for above in (0, *get_price_tiers(deployment))
            ]
            known = tuple(
                TokenPrice(
                    above,
                    float(each.input) / _MILLION,
                    float(each.output) / _MILLION,
                    float(each.input if each.cached is None else each.cached) / _MILLION,
                )
                for above, each in prices
                if each is not None
            )
            if known:
                return known
        return ()


def find_longest_answer(model: Model, hosts: Iterable[Provider]) -> int:
    """Return the most output tokens that any of the hosts may be asked for by default."""
    return max(
        (get_longest_answer(each.adapter, model) for each in hosts), default=UNLIMITED_ANSWER
    )


def _takes_schemas(model: Model, hosts: Iterable[Provider]) -> bool:
    if model.structured_output is None:
        return any(each.wire.constrains_only or each.adapter == _OLLAMA for each in hosts)
    return model.structured_output


def get_profile_cache(
    catalogue: Catalogue,
    *,
    simulated: frozenset[str] = frozenset(),
    open_models: frozenset[OpenModel] = frozenset(),
) -> ProfileCache:
    """Return the cache for the current edition of a catalogue; `simulated` lanes cost nothing."""
    return _get_profile_cache(catalogue, catalogue.edition, simulated, open_models)


@lru_cache(maxsize=4)
def _get_profile_cache(
    catalogue: Catalogue,
    _edition: int,
    simulated: frozenset[str],
    open_models: frozenset[OpenModel],
) -> ProfileCache:
    return ProfileCache(catalogue, simulated, open_models)
