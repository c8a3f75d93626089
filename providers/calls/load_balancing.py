"""Which of a model's deployments is asked first: pure orderings.

- `preferred`: as the catalogue lists them.
- `weighted`: by shares; work with the same affinity goes to the same place in every process.
- `least_busy`: the one with the most room in this process.
- `cheapest`: by the price of a typical call with a prompt of that length; unknown prices last.
- `fastest`: by the first token as observed in this process; what was never asked comes first.

Whatever the order, the home of an affinity comes first and what has failed the work comes last.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from providers.calls.middleware import Errand
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import RoutingStrategy
from providers.prices import unit_prices

__all__ = ["REMEMBERED", "Homes", "in_order"]

REMEMBERED: Final = 10_000
"""Affinities whose home is known."""
_READS: Final = 3
"""A typical call reads three times as many tokens as it writes."""


def in_order(
    deployments: Sequence[Deployment],
    errand: Errand,
    *,
    strategy: RoutingStrategy,
    busy: Callable[[Deployment], float],
    pace: Callable[[Deployment], float],
    prompt: Callable[[], int],
    home: str | None,
) -> list[Deployment]:
    """Give the deployments in the order in which they are to be asked.

    `busy` is the share of a deployment's room that is taken, `pace` its seconds to the first token,
    `prompt` the tokens of the prompt: long ones have other prices.
    """
    keys: dict[RoutingStrategy, Callable[[Deployment], float]] = {
        "preferred": lambda _: 0,
        "weighted": lambda each: -_share(each, errand.affinity or str(errand.subtask_id)),
        "least_busy": busy,
        "cheapest": lambda each: _price(each, prompt()),
        "fastest": pace,
    }
    key = keys[strategy]
    return sorted(
        deployments,
        key=lambda each: (each.provider in errand.avoid, each.id != home, key(each)),
    )


def _share(deployment: Deployment, affinity: str) -> float:
    """Weighted rendezvous hashing: each is first for its share of all affinities."""
    digest = hashlib.sha256(f"{affinity}\0{deployment.id}".encode()).digest()
    draw = (int.from_bytes(digest[:6]) + 1) / (2**48 + 1)  # a float between 0 and 1, never either
    return -deployment.entry.weight / math.log(draw)


def _price(deployment: Deployment, prompt: int) -> float:
    prices = unit_prices(deployment, prompt=prompt)
    if prices is None:
        return math.inf
    return float(prices.input * _READS + prices.output)


class Homes:
    """Where the work of an affinity was last answered, for its prompt cache; the latest of them."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, str] = OrderedDict()

    def of(self, errand: Errand) -> str | None:
        """The id of the deployment."""
        return self._places.get(errand.affinity) if errand.affinity is not None else None

    def settle(self, errand: Errand, deployment: Deployment) -> None:
        """Note that it was answered there."""
        if errand.affinity is None:
            return
        self._places[errand.affinity] = deployment.id
        self._places.move_to_end(errand.affinity)
        if len(self._places) > REMEMBERED:
            self._places.popitem(last=False)
