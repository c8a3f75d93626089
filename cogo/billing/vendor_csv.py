"""Reading a vendor's export of costs: a file of another program, of any size and content."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from cogo.billing.formats import COLUMNS, FORMATS, GENERIC, TOKEN_REPORTS, CsvFormat
from cogo.errors import UsageError
from protocol.errors import InvalidArgument

MAX_BYTES: Final = 256 * 2**20
MAX_LINES: Final = 100_000
"""Of days and models, not of the file."""
NO_MODEL: Final = "(no model)"
_MAX_LINE: Final = 2**16
_MAX_USD: Final = Decimal(10**12)
_CENTS: Final = 2
_COST: Final = re.compile(r"-?\$?(\d{1,15}(\.\d{0,60})?|\.\d{1,60})([eE]-?\d{1,2})?")
_COMPACT_DAY: Final = re.compile(r"\d{8}")
_SECONDS: Final = re.compile(r"\d{9,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLine:
    """What a vendor charges for a model on a day."""

    usd: Decimal
    rows: int
    """Lines of the file that were summed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorBill:
    """What a vendor's file says."""

    format: str
    vendor: str | None
    """The provider's id; None if the format does not say it."""
    first_day: date
    last_day: date
    lines: Mapping[tuple[date, str], VendorLine]
    """By day and the vendor's name of the model."""
    decimals: int
    """Decimals of the most precise cost, at least those of cents."""


def read_vendor_csv(
    path: Path, *, vendor: str | None, columns: Mapping[str, str], zone: tzinfo
) -> VendorBill:
    """Read a file. `columns` names columns of the file by ours, before what is known of formats.

    Times become days of `zone`. Raise InvalidArgument that says what is wrong, and in which line.
    """
    if path.stat().st_size > MAX_BYTES:
        raise InvalidArgument(
            f"{path.name} has more than {MAX_BYTES // 2**20} MiB", hint="export fewer days at once"
        )
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(_limit_lines(file, path.name), strict=True)
        try:
            header = [each.strip() for each in next(rows, [])]
            found = find_format(header, vendor=vendor, columns=columns)
            return _read_rows(((rows.line_num, each) for each in rows), header, found, zone)
        except UnicodeDecodeError as error:
            raise InvalidArgument(
                f"{path.name} is not UTF-8 text", hint="unpack archives, and export sheets as CSV"
            ) from error
        except csv.Error as error:
            raise InvalidArgument(f"line {rows.line_num} is not CSV: {error}") from error


def find_format(
    header: Sequence[str], *, vendor: str | None, columns: Mapping[str, str]
) -> CsvFormat:
    """Return the format of a file with this header. Raise InvalidArgument if there is none."""
    unknown = columns.keys() - set(COLUMNS)
    if unknown:
        raise UsageError(f"--map {sorted(unknown)[0]}: it is none of {', '.join(COLUMNS)}")
    names = {each.casefold(): each for each in header}
    for ours, theirs in columns.items():
        if theirs.casefold() not in names:
            raise InvalidArgument(f"--map {ours}={theirs}: {_describe(header)}")
    for each in FORMATS:
        wanted = {*each.columns.values(), *each.required, *each.marks}
        if not columns and vendor in {None, each.vendor} and wanted <= names.keys():
            return each
    for column, advice in TOKEN_REPORTS.items():
        if column in names and "cost" not in columns:
            raise InvalidArgument(f"the file has no costs: {advice}")
    chosen = dict(columns)
    for ours, candidates in GENERIC.items():
        known = next((each for each in candidates if each in names), None)
        if ours not in chosen and known:
            chosen[ours] = known
    missing = [each for each in COLUMNS[:3] if each not in chosen]
    if missing:
        raise InvalidArgument(
            f"no column of the file is known to be the {' and the '.join(missing)}:"
            f" {_describe(header)}",
            hint=f"name it: --map {missing[0]}=COLUMN",
        )
    return CsvFormat(name="columns by their names", vendor=vendor or "", columns=chosen)


def _describe(header: Sequence[str]) -> str:
    shown = ", ".join(each[:40] for each in header[:20])
    return f"its columns are {shown}" if any(header) else "it has no columns"


def _limit_lines(file: Iterator[str], name: str) -> Iterator[str]:
    """Yield the lines of a file; readline() limits what is read of one without an end."""
    number = 0
    while line := file.readline(_MAX_LINE):  # type: ignore[attr-defined]
        number += 1
        if len(line) >= _MAX_LINE:
            raise InvalidArgument(f"line {number} of {name} is too long for a CSV of costs")
        yield line


def _read_rows(
    rows: Iterator[tuple[int, list[str]]], header: list[str], found: CsvFormat, zone: tzinfo
) -> VendorBill:
    place = {each.casefold(): index for index, each in enumerate(header)}
    index = {
        ours: place[theirs.casefold()]
        for ours, theirs in found.columns.items()
        if theirs.casefold() in place
    }
    for name in (header[each] for each in index.values()):
        if [each.casefold() for each in header].count(name.casefold()) > 1:
            raise InvalidArgument(
                f"the file has more than one column {name[:40]}", hint="remove all but one"
            )
    usd: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    count: defaultdict[tuple[date, str], int] = defaultdict(int)
    days: set[date] = set()
    decimals = _CENTS
    for number, row in rows:
        if not any(row):
            continue
        if len(row) != len(header):
            raise InvalidArgument(f"line {number} has {len(row)} columns, not {len(header)}")
        cell = {ours: row[each].strip() for ours, each in index.items()}
        _check_row(row, place, cell, found, number)
        day = parse_day(cell["day"], zone, number)
        days.add(day)
        if not cell["cost"]:  # a day on which nothing was used
            continue
        cost = parse_cost(cell["cost"], number)
        decimals = max(decimals, -int(cost.as_tuple().exponent))
        key = (day, shorten_model(cell["model"]))
        usd[key] += cost
        count[key] += 1
        if len(usd) > MAX_LINES:
            raise InvalidArgument(f"the file has more than {MAX_LINES:,} days and models")
    if not days:
        raise InvalidArgument("the file has no line below its header")
    if not any(model != NO_MODEL for _, model in usd) and usd:
        raise InvalidArgument("no line of the file names a model", hint=found.advice or None)
    lines = {key: VendorLine(usd=value, rows=count[key]) for key, value in usd.items()}
    return VendorBill(
        format=found.name,
        vendor=found.vendor or None,
        first_day=min(days),
        last_day=max(days),
        lines=lines,
        decimals=decimals,
    )


def _check_row(
    row: list[str],
    place: Mapping[str, int],
    cell: Mapping[str, str],
    found: CsvFormat,
    number: int,
) -> None:
    for column, value in found.required.items():
        if row[place[column]].strip() != value:
            raise InvalidArgument(
                f"line {number} is of {column} {row[place[column]][:40]!r}, not {value!r}",
                hint=found.advice,
            )
    currency = cell.get("currency", "")
    if currency and currency.casefold() != "usd":
        raise InvalidArgument(
            f"line {number} is in {currency[:20]!r}", hint="costs are booked in US dollars"
        )


def parse_day(text: str, zone: tzinfo, number: int) -> date:
    """Return the day of a date, or of a time in `zone`; a time without a zone is UTC.

    Raise InvalidArgument.
    """
    try:
        if _COMPACT_DAY.fullmatch(text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        if _SECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text), zone).date()
        if len(text) == len("2026-11-01"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone).date()
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            f"line {number}: {text[:40]!r} is no day", hint="--map day=COLUMN names another column"
        ) from error


def parse_cost(text: str, number: int) -> Decimal:
    """Return an amount; credits are negative. Raise InvalidArgument."""
    try:
        if _COST.fullmatch(text):
            cost = Decimal(text.replace("$", "", 1))
            if abs(cost) < _MAX_USD:
                return cost
    except InvalidOperation:
        pass
    raise InvalidArgument(
        f"line {number}: {text[:40]!r} is no amount",
        hint="--map cost=COLUMN names another column; thousands have no separator",
    )


def shorten_model(text: str) -> str:
    """Return the model of a line item such as `gpt-5-nano, input_tokens`, without its path."""
    return text.split(",", maxsplit=1)[0].strip().rstrip("/").rpartition("/")[2] or NO_MODEL
