"""COGO's own choices among the models of records: the same code that chooses for tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from agents.selection.choice import Choice
from agents.selection.choose import choose_model
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.ladder import build_ladder
from agents.selection.preferences import Preference, Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from cogo.evaluation.made_up_models import MadeUpModel, build_catalogue
from cogo.evaluation.routing.records import Prompt
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue

CHECK: Final = "run"
"""The name under which COGO knows the check of the records."""
PROMPT_CHARACTERS: Final = 3_000
INPUT_TOKENS: Final = 1_000
OUTPUT_TOKENS: Final = 700
"""Tokens of the usual call whose cost is turned into prices of tokens."""
_INPUT_SHARE: Final = 0.1
"""The part of that cost that is the prompt's."""


def list_lanes(models: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each model that no other one has, not even in another case."""
    taken: set[str] = {"default", "coding", "fast", "reasoning"}
    lanes = []
    for model in models:
        lane, number = model.strip(), 2
        while lane.casefold().replace(" ", "-") in taken:
            lane, number = f"{model.strip()} ({number})", number + 1
        taken.add(lane.casefold().replace(" ", "-"))
        lanes.append(lane)
    return tuple(lanes)


@dataclass(frozen=True, kw_only=True)
class Product:
    """Chooses among the models of records. Models are numbers, in the order of the records."""

    lanes: tuple[str, ...]
    prices: tuple[float, ...]
    """Dollars of a usual call, from which the prices of tokens are made."""
    default: int | None
    """The model of the role `default`; None: nobody has named one."""

    @classmethod
    def of(
        cls, models: Sequence[str], prompts: Sequence[Prompt], *, default: int | None
    ) -> "Product":
        """Take the mean costs of prompts as the models' prices."""
        count = len(prompts)
        prices = [sum(each.cost[m] for each in prompts) / count for m in range(len(models))]
        return cls(lanes=list_lanes(models), prices=tuple(prices), default=default)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue of the models."""
        made = {
            lane: MadeUpModel(
                input_usd=_to_price(price * _INPUT_SHARE, INPUT_TOKENS),
                output_usd=_to_price(price * (1 - _INPUT_SHARE), OUTPUT_TOKENS),
            )
            for lane, price in zip(self.lanes, self.prices, strict=True)
        }
        default = None if self.default is None else self.lanes[self.default]
        return build_catalogue(made, default=default, source="the records")

    def choose(
        self,
        category: str,
        policy: PolicyName,
        *,
        preference: Preference = Preference.BALANCED,
        knowledge: Knowledge = NOTHING_KNOWN,
        seed: str = "",
    ) -> Choice:
        """Choose as the CIO does for a task of this kind of work."""
        request = SelectionRequest(
            needs=Requirements(task_type=category, kind=category),
            preferences=Preferences(preference=preference),
            policy=policy,
            prompt_characters=PROMPT_CHARACTERS,
            served=self.lanes,
            check=CHECK,
            seed=seed,
        )
        return choose_model(request, self.catalogue, knowledge)

    def find(self, lane: str) -> int:
        """Return the number of a model."""
        return self.lanes.index(lane)

    def plan(self, choice: Choice) -> tuple[int, ...]:
        """Return the models of a cascade in their order, as a workflow gets them."""
        return tuple(self.find(rung.model_id) for rung in build_ladder(choice))


def count_output_tokens(cost: float, price: float) -> float:
    """Return how long answers are that cost this much with the prices of a usual call."""
    left = cost - price * _INPUT_SHARE
    return OUTPUT_TOKENS * max(left, 0.0) / (price * (1 - _INPUT_SHARE)) if price else OUTPUT_TOKENS


def _to_price(cost: float, tokens: int) -> Decimal:
    """Return dollars per million tokens."""
    return Decimal(repr(cost)) / tokens * 1_000_000
