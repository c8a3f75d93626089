"""`cogo usage reconcile`: booked costs beside a vendor's own."""

from dataclasses import asdict
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from cogo.billing.reconciliation import ReconciledLine, reconcile_costs
from cogo.billing.vendor_csv import read_vendor_csv
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.cli.usage.show import Zone
from cogo.errors import UsageError
from cogo.terminal import print_json, print_table, print_text
from gateway.usage.zones import UTC_NAME, add_zone, find_zone
from protocol.records import UsageBucket, UsageKey, UsageQuery

_HEADINGS: Final = (
    "DAY", "MODEL", "CALLS", "UNKNOWN COST", "BOOKED", "VENDOR", "DIFFERENCE", "VERDICT",
)  # fmt: skip
_DROPPED: Final = ("CALLS", "UNKNOWN COST")


def reconcile(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv", help="The vendor's export.", exists=True, dir_okay=False
        ),
    ],
    vendor: Annotated[
        str | None,
        typer.Option("--vendor", help="Id of the provider, if the file does not show it."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=COLUMN",
            help="Column of the file that is the day, model, cost or currency; repeatable.",
        ),
    ] = None,
    zone: Zone = UTC_NAME,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, max=100, help="Per cent that costs may differ.")
    ] = 1.0,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Compare booked costs with a vendor's CSV.

    Reads exports of costs of OpenAI (grouped by line item), Anthropic, Fireworks, DeepSeek and
    OpenRouter, and other files by the names of their columns. Compares each day and model from the
    first to the last day of the file. Exits with 1 if costs differ by more than the tolerance and
    what the vendor's rounding explains, or if one side lacks a model.

    Examples:
        cogo usage reconcile anthropic-november.csv
        cogo usage reconcile bill.csv --vendor mistral --map day=Datum --map cost=Betrag
    """
    columns = _parse_mapping(mapping or [])
    bill = read_vendor_csv(file, vendor=vendor, columns=columns, zone=find_zone(zone))
    provider = vendor or bill.vendor
    if provider is None:
        raise UsageError("the file does not show whose it is: name the provider with --vendor")
    first, last = (
        add_zone(datetime.combine(day, time()), zone) for day in (bill.first_day, bill.last_day)
    )
    query = UsageQuery(
        since=first,
        until=last + timedelta(days=1),
        bucket=UsageBucket.DAY,
        by=[UsageKey.PROVIDER_MODEL],
        zone=zone,
        provider=provider,
        figures=[],
    )
    booked = run_with_store(directory, lambda store: store.fetch_usage(query))
    found = reconcile_costs(booked.rows, bill, tolerance=Decimal(str(tolerance)) / 100)
    if as_json:
        header = {"vendor": provider, "format": bill.format, "zone": zone,
                  "first_day": bill.first_day, "last_day": bill.last_day,
                  "tolerance_percent": tolerance}  # fmt: skip
        print_json(header | asdict(found))
    else:
        print_text(
            f"({bill.format}; {provider}, {bill.first_day} to {bill.last_day}, days of {zone}; "
            f"may differ by {tolerance:g} % and the rounding of the file)",
            err=True,
        )
        print_table(_HEADINGS, map(_build_cells, found.lines), drop=_DROPPED)
        difference = found.vendor_usd - found.booked_usd
        print_text(
            f"booked {_format(found.booked_usd)}, vendor {_format(found.vendor_usd)}, difference "
            f"{_format(difference, plus='+')}: {'agrees' if found.agrees else 'does not agree'}"
        )
    if not found.agrees:
        raise typer.Exit(1)


def _parse_mapping(pairs: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for each in pairs:
        name, sign, column = each.partition("=")
        if not sign or not column:
            raise UsageError(f"--map is {each!r}: NAME=COLUMN is expected, as cost=Amount")
        mapping[name.strip()] = column.strip()
    return mapping


def _build_cells(line: ReconciledLine) -> tuple[str, ...]:
    return (
        line.day.isoformat(),
        line.model,
        str(line.calls),
        str(line.unknown_costs),
        "-" if line.booked_usd is None else _format(line.booked_usd),
        "-" if line.vendor_usd is None else _format(line.vendor_usd),
        _format(line.difference_usd, plus="+"),
        line.verdict.value,
    )


def _format(usd: Decimal, *, plus: str = "") -> str:
    return f"{'-' if usd < 0 else plus}${abs(usd):.4f}"
