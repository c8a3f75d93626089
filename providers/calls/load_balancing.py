"""The order in which a model's deployments are called.

- `preferred`: in the catalogue's order.
- `weighted`: by their shares; the same affinity gets the same order in every process.
- `least_busy`: the lowest utilisation in this process first.
- `cheapest`: by the price of a typical call with a prompt of this length; unknown prices last.
- `fastest`: by the time to the first token in this process; uncalled deployments first.

With every strategy, the deployment that an affinity used last comes first, and providers that
failed the work come last.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from providers.calls.middleware import CallContext
from providers.catalogue.deployment import Deployment
from providers.catalogue.schema import RoutingStrategy
from providers.prices import get_unit_prices

MAX_AFFINITIES: Final = 10_000
_INPUT_PER_OUTPUT: Final = 3
"""A typical call reads three times as many tokens as it generates."""


def order_deployments(
    deployments: Sequence[Deployment],
    context: CallContext,
    *,
    strategy: RoutingStrategy,
    utilisation: Callable[[Deployment], float],
    latency: Callable[[Deployment], float],
    prompt_tokens: Callable[[], int],
    sticky: str | None,
) -> list[Deployment]:
    """Return the deployments in the order in which to call them.

    `utilisation` returns a share of the concurrency limit, `latency` seconds to the first token.
    `prompt_tokens` matters because long prompts have other prices. `sticky` is the id of the
    deployment that the context's affinity used last.
    """
    keys: dict[RoutingStrategy, Callable[[Deployment], float]] = {
        "preferred": lambda _: 0,
        "weighted": lambda each: -_draw(each, context.affinity or str(context.subtask_id)),
        "least_busy": utilisation,
        "cheapest": lambda each: _get_price(each, prompt_tokens()),
        "fastest": latency,
    }
    key = keys[strategy]
    return sorted(
        deployments,
        key=lambda each: (each.provider in context.avoid, each.id != sticky, key(each)),
    )


def _draw(deployment: Deployment, affinity: str) -> float:
    """Return a weighted rendezvous hash: each deployment is first for its share of affinities."""
    digest = hashlib.sha256(f"{affinity}\0{deployment.id}".encode()).digest()
    uniform = (int.from_bytes(digest[:6]) + 1) / (2**48 + 1)  # between 0 and 1, both excluded
    return -deployment.entry.weight / math.log(uniform)


def _get_price(deployment: Deployment, prompt_tokens: int) -> float:
    prices = get_unit_prices(deployment, prompt=prompt_tokens)
    if prices is None:
        return math.inf
    return float(prices.input * _INPUT_PER_OUTPUT + prices.output)


class AffinityTable:
    """The deployment that last answered each affinity, least recently used ones dropped."""

    def __init__(self) -> None:
        self._deployments: OrderedDict[str, str] = OrderedDict()

    def get(self, context: CallContext) -> str | None:
        """Return the id of the deployment."""
        return None if context.affinity is None else self._deployments.get(context.affinity)

    def record(self, context: CallContext, deployment: Deployment) -> None:
        """Record that the deployment answered."""
        if context.affinity is None:
            return
        self._deployments[context.affinity] = deployment.id
        self._deployments.move_to_end(context.affinity)
        if len(self._deployments) > MAX_AFFINITIES:
            self._deployments.popitem(last=False)
