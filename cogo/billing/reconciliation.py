"""Booked costs beside those of a vendor's bill, by day and model."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from cogo.billing.vendor_csv import VendorBill, shorten_model
from protocol.records import UsageRow

_NO_DATE: Final = re.compile(r"-(latest|\d{8}|\d{4}-\d{2}-\d{2})$")
_ZERO: Final = Decimal()


class LineVerdict(StrEnum):
    """How the costs of a day and a model compare."""

    AGREES = "agrees"
    DIFFERS = "differs"
    INCOMPLETE = "incomplete"
    """Less is booked than the vendor charges, and the cost of some calls is unknown."""
    NOT_BOOKED = "not booked"
    NOT_CHARGED = "not charged"


@dataclass(slots=True, kw_only=True)
class ReconciledLine:
    """The costs of a day and a model, in US dollars."""

    day: date
    model: str
    """The vendor's name, or several that mean the same model."""
    booked_usd: Decimal | None = None
    """The sum of the known costs; None: nothing is booked."""
    vendor_usd: Decimal | None = None
    difference_usd: Decimal = _ZERO
    """How much more the vendor charges than is booked."""
    calls: int = 0
    unknown_costs: int = 0
    """Calls whose cost is unknown, which is not in `booked_usd`."""
    verdict: LineVerdict = LineVerdict.AGREES


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """The comparison of a period."""

    lines: list[ReconciledLine] = field(default_factory=list)
    """By day and model."""
    booked_usd: Decimal = _ZERO
    vendor_usd: Decimal = _ZERO
    agrees: bool = True
    """Whether each line does."""


@dataclass(slots=True)
class _Sides:
    names: set[str] = field(default_factory=set)
    booked: Decimal | None = None
    vendor: Decimal | None = None
    rounding: Decimal = _ZERO
    calls: int = 0
    unknown: int = 0


def reconcile_costs(
    booked: Iterable[UsageRow], bill: VendorBill, *, tolerance: Decimal
) -> Reconciliation:
    """Compare usage by day and `provider_model` with a bill.

    Names of one model with and without a date are the same, as are `Claude Opus 4.5` and
    `claude-opus-4-5-20251101`. Costs agree if they differ by no more than `tolerance` (0.01: one
    per cent) of the larger one and by what the vendor's rounding of each line explains.
    """
    sides: defaultdict[tuple[date, str], _Sides] = defaultdict(_Sides)
    half_unit = Decimal(5).scaleb(-bill.decimals - 1)
    for (day, model), line in bill.lines.items():
        side = sides[day, normalize_model(model)]
        side.names.add(model)
        side.vendor = (side.vendor or _ZERO) + line.usd
        side.rounding += line.rows * half_unit
    for row in booked:
        if row.simulated:
            continue
        model = shorten_model(row.provider_model or "")
        side = sides[date.fromisoformat(row.bucket or ""), normalize_model(model)]
        side.names.add(model)
        side.booked = (side.booked or _ZERO) + (row.cost_usd or _ZERO)
        side.calls += row.calls
        side.unknown += row.unknown_costs
    found = Reconciliation()
    for (day, _), side in sorted(sides.items()):
        compared = _compare(day, side, tolerance)
        found.lines.append(compared)
        found.booked_usd += side.booked or _ZERO
        found.vendor_usd += side.vendor or _ZERO
        found.agrees &= compared.verdict is LineVerdict.AGREES
    return found


def normalize_model(name: str) -> str:
    """Return a name that is the same for all spellings of a model."""
    plain = re.sub(r"[\s._:]+", "-", name.strip().casefold())
    return _NO_DATE.sub("", plain)


def _compare(day: date, side: _Sides, tolerance: Decimal) -> ReconciledLine:
    booked, vendor = side.booked or _ZERO, side.vendor or _ZERO
    difference = vendor - booked
    allowed = tolerance * max(abs(booked), abs(vendor)) + side.rounding
    if abs(difference) <= allowed:
        verdict = LineVerdict.AGREES
    elif difference > 0 and side.unknown:
        verdict = LineVerdict.INCOMPLETE
    elif side.booked is None:
        verdict = LineVerdict.NOT_BOOKED
    elif side.vendor is None:
        verdict = LineVerdict.NOT_CHARGED
    else:
        verdict = LineVerdict.DIFFERS
    return ReconciledLine(
        day=day,
        model=" = ".join(sorted(side.names)),
        booked_usd=side.booked,
        vendor_usd=side.vendor,
        difference_usd=difference,
        calls=side.calls,
        unknown_costs=side.unknown,
        verdict=verdict,
    )
