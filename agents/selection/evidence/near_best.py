"""The cheapest model whose expected quality is near that of the best known one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Final

from agents.selection.evidence.estimates import Estimate
from agents.selection.preferences import Preference

TOLERANCES: Final[Mapping[Preference, float]] = {
    Preference.QUALITY: 0.0,
    Preference.BALANCED: 0.0075,
    Preference.SPEED: 0.0075,
    Preference.COST: 0.03,
    Preference.LOCAL: 0.0075,
}
"""How much worse than the best known a model may be expected to be: 0.01 is one answer in 100."""
GAIN_SHARE: Final = 0.5
"""The share of what choosing by kind of work gains that may be spent on lower cost. It is a half,
since the gain that is expected comes from the best of many estimates and is too high."""
PRICE_WORTH: Final[Mapping[Preference, float]] = {
    Preference.BALANCED: 0.03,
    Preference.COST: 0.10,
    Preference.LOCAL: 0.03,
}
"""How much better a model must be to cost once more the price of the best model for everything.
The other preferences do not look at the price."""
MIN_PRICE: Final = 1e-5
"""Dollars that count as that price at least, so that one may also pay more than nothing."""
LOCAL_MARGIN: Final = 0.10
"""By how much a model on this machine may be expected to be worse than the best hosted one. Of one
of which little is known, what its size says is expected: that is how its uncertainty counts."""
DEAR: Final = 0.85
"""The rank by price, from 0 to 1, of the model that is used while nothing else tells them apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NearBest:
    """What a preference takes, and what it was compared with."""

    picked: str
    best: str
    """The best known model; if none is known, the one to use then."""
    tolerance: float
    within: tuple[str, ...]
    """The models within the tolerance, in the order of the preference."""
    is_known: bool
    """Whether enough was observed of `best`."""
    too_dear: str | None = None
    """A model that is known to be better, but not by as much as its price requires."""
    ahead: str | None = None
    """The best known model if `best` is the default instead; it is not known to be better."""


def get_tolerance(preference: Preference, gain: float) -> float:
    """Return how much worse than the best known a model may be expected to be.

    `gain` is what choosing by kind of work gains over one model for everything.
    """
    spent = 0.0 if preference is Preference.QUALITY else GAIN_SHARE * gain
    return TOLERANCES[preference] + spent


def find_near_best(
    options: Mapping[str, Estimate],
    preference: Preference,
    *,
    tolerance: float,
    default: str | None = None,
    anchored: bool = False,
    overall: Mapping[str, float] = MappingProxyType({}),
) -> NearBest:
    """Return what a preference takes among `options`, which are not empty.

    The best known model is the one with the highest lower bound. If it is `anchored`, that is the
    default instead, unless another model is known to be better: its lower bound exceeds what is
    expected of the default. Models of which little is known are compared only as a last resort:
    they must be better than the best known one is likely to be.

    `overall` are the expected qualities of models over all kinds of work. The best known model for
    everything sets the price that a model may have, with `anchored` at least that of the default.
    """
    known = {id_: each for id_, each in options.items() if each.is_known}
    best_of_all = _find_best_known(known)
    default = default if default in options else None
    if best_of_all in overall and preference in PRICE_WORTH:
        single = _find_single(known, overall)
        if anchored and default is not None and options[default].price > single.price:
            single = options[default]
        dear = _list_too_dear(known, single, PRICE_WORTH[preference])
        if dear:
            options = {id_: each for id_, each in options.items() if id_ not in dear}
            known = {id_: each for id_, each in known.items() if id_ not in dear}
    strongest = best_of_all if best_of_all in options else _find_best_known(known)
    default = default if default in options else None
    best = _find_best(options, known, strongest, default, anchored=anchored)
    reference = options[best]
    within = [best]
    if best in known:
        least = reference.quality - tolerance
        within += [id_ for id_, each in known.items() if id_ != best and each.quality >= least]
    # Of equal ones the best known comes first: a change needs a reason.
    within.sort(key=lambda id_: _rank(id_, options[id_], preference, is_best=id_ == best))
    return NearBest(
        picked=within[0],
        best=best,
        tolerance=tolerance,
        within=tuple(within),
        is_known=best in known,
        too_dear=None if best_of_all in options else best_of_all,
        ahead=strongest if best in known and strongest != best else None,
    )


def _find_single(known: Mapping[str, Estimate], overall: Mapping[str, float]) -> Estimate:
    """Return the cheapest model that is near the best one for everything."""
    compared = [(overall[id_], each.price, id_) for id_, each in known.items() if id_ in overall]
    least = max(compared)[0] - TOLERANCES[Preference.BALANCED]
    _, _, found = min(
        (price, -quality, id_) for quality, price, id_ in compared if quality >= least
    )
    return known[found]


def _list_too_dear(known: Mapping[str, Estimate], single: Estimate, worth: float) -> frozenset[str]:
    """Return the models that are dearer than this one, and not as much better as that requires."""
    price = max(single.price, MIN_PRICE)
    each_better = price / worth
    return frozenset(
        id_
        for id_, each in known.items()
        if (extra := each.price - price) > 0
        and extra > each_better * (each.quality - single.quality)
    )


def _find_best_known(known: Mapping[str, Estimate]) -> str | None:
    lows = {id_: each.low for id_, each in known.items()}
    low = max(lows.values(), default=0.0)
    equal = (id_ for id_, each in lows.items() if each == low)
    return min(equal, key=lambda id_: (-known[id_].quality, known[id_].price, id_), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NearLocal:
    """The models on this machine, compared with the best hosted one."""

    near: tuple[str, ...]
    """Those that are not expected to be clearly worse than it: the one to take, then by quality."""
    first: str | None
    """The one to take, or that would be if it were better; None: there are none."""
    best: str | None
    """The best hosted model; None: there are none."""


def find_near_local(local: Mapping[str, Estimate], hosted: Mapping[str, Estimate]) -> NearLocal:
    """Compare models; of those on this machine that are about as good, the fastest is taken."""
    best = _find_best_or_likeliest(hosted) if hosted else None
    if not local:
        return NearLocal(near=(), first=None, best=best)
    least = hosted[best].quality - LOCAL_MARGIN if best is not None else 0.0
    near = {id_: each for id_, each in local.items() if each.quality >= least}
    first = find_near_best(
        near or local, Preference.SPEED, tolerance=TOLERANCES[Preference.LOCAL]
    ).picked
    order = sorted(near, key=lambda id_: (id_ != first, -near[id_].quality, id_))
    return NearLocal(near=tuple(order), first=first, best=best)


def _find_best_or_likeliest(options: Mapping[str, Estimate]) -> str:
    known = {id_: each for id_, each in options.items() if each.is_known}
    return _find_best_known(known) or max(options, key=lambda id_: (options[id_].quality, id_))


def _find_best(
    options: Mapping[str, Estimate],
    known: Mapping[str, Estimate],
    best: str | None,
    default: str | None,
    *,
    anchored: bool,
) -> str:
    if default is not None and (
        best is None or (anchored and options[best].low <= options[default].quality)
    ):
        best = default
    if best is None:
        return _guess_best(list(options), options)
    # A model that is known to be bad is left for one of which nothing is known.
    high = options[best].high
    better = [
        id_
        for id_, each in options.items()
        if each.quality > high and id_ != best and id_ not in known
    ]
    return _guess_best(better, options) if better else best


def _guess_best(among: Sequence[str], options: Mapping[str, Estimate]) -> str:
    """Return the best of models of which little is known; of equal ones a dear one.

    It is not the dearest, which is often an odd one.
    """
    top = max(options[id_].quality for id_ in among)
    equal = [id_ for id_ in among if options[id_].quality >= top - 1e-9]
    prices = sorted(options[id_].price for id_ in equal if options[id_].price < inf) or [inf]
    price = prices[round(DEAR * (len(prices) - 1))]
    return min(id_ for id_ in equal if options[id_].price == price)


def measure_expense(each: Estimate, preference: Preference) -> float:
    """Return what is to be as low as possible."""
    return each.forecast.total_s if preference is Preference.SPEED else each.price


def _rank(
    id_: str, each: Estimate, preference: Preference, *, is_best: bool
) -> tuple[float, bool, float, float, float, str]:
    expense = measure_expense(each, preference)
    return (expense, not is_best, each.price, -each.quality, each.forecast.total_s, id_)
