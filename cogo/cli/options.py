"""Options that several commands share, and how their values are parsed."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

import typer

from cogo.errors import UsageError
from protocol.errors import InvalidArgument
from protocol.ids import utc_now

_HOST_NAME: Final = re.compile(r"(?=.{1,253}$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+")


def check_http_url(url: str | None) -> str | None:
    """Return the URL of an HTTP server without the slash at its end. Raises UsageError."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
    except ValueError:  # the port, or brackets of IPv6
        host = None
    if host is None or not _is_host(host) or re.search(r"[\s\x00-\x1f]", url):
        raise UsageError(
            f"{url!r} is not the address of a server, such as https://cogo.example.com"
        )
    return url.rstrip("/")


def check_host(host: str) -> str:
    """Return the name or IP address of a host. Raises UsageError."""
    if not _is_host(host):
        raise UsageError(f"{host!r} is neither an IP address nor the name of a host")
    return host


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return _HOST_NAME.fullmatch(text) is not None
    return True


Dir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="State directory (default: $COGO_HOME, the nearest .cogo upwards, or ~/.cogo).",
        file_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SimulatorUrl = Annotated[
    str | None,
    typer.Option(
        help="Send calls to this vendor simulator instead of the vendors.", callback=check_http_url
    ),
]
NoKey = Annotated[
    bool,
    typer.Option(
        "--no-key",
        help="Accept requests without a key on loopback: every user of this machine gets all "
        "rights.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show at most this many, the newest.")]
ActionReason = Annotated[
    str | None, typer.Option("--reason", help="Why; kept in the log of actions.")
]
All = Annotated[bool, typer.Option("--all", help="Show all, without a limit.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Start of the period: a span (30min, 6h, 7d), yesterday, or a date (2026-11-01).",
    ),
]

Owners = Annotated[str, typer.Option("--owner", help="UUID of a user, none for no owner, or all.")]
MemoryOwner = Annotated[
    str, typer.Option("--owner", help="Whose memory: UUID of a user, or none for no owner.")
]
MemorySource = Annotated[str | None, typer.Option("--source", help="Only of this source.")]
ForgetOwners = Annotated[
    str | None,
    typer.Option("--owner", help="UUID of a user, none for no owner (default), or all."),
]

SessionName = Annotated[
    str | None,
    typer.Option("--session", help="Conversation to continue: any name, or its UUID."),
]
NO_OWNER: Final = "none"
EVERYONE: Final = "all"
_SPAN_UNITS: Final = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS: Final = {"today": 0, "yesterday": 1}
"""Days, by how many days ago they began."""
_DURATION_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_since(
    text: str | None, *, option: str = "--since", zone: tzinfo = UTC
) -> datetime | None:
    """Return the time that a span, a day or a date denotes; without a time zone, of `zone`.

    Raises InvalidArgument.
    """
    if text is None:
        return None
    span = re.fullmatch(r"(\d{1,6})(min|m|h|d|w)", text)
    try:
        if span:
            return utc_now() - timedelta(**{_SPAN_UNITS[span[2]]: int(span[1])})
        if text in _DAYS:
            day = utc_now().astimezone(zone) - timedelta(days=_DAYS[text])
            midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight.astimezone(UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # no date, or one before the year 1
        raise InvalidArgument(
            f"{option} is {text!r}", hint="examples: 30min, 6h, 7d, yesterday, 2026-11-01"
        ) from error


def parse_duration(text: str) -> timedelta:
    """Return the duration of a number with a unit. Raises InvalidArgument."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text.strip())
    if found is None:
        raise InvalidArgument(f"{text!r} is not a duration; examples: 90d, 12h, 30m, 10s")
    return timedelta(**{_DURATION_UNITS[found[2]]: int(found[1])})


def parse_usd(text: str) -> Decimal:
    """Return a number of US dollars. Raises InvalidArgument."""
    try:
        usd = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite():
        raise InvalidArgument(f"{text!r} is not an amount in US dollars", hint="example: 0.25")
    return usd


def parse_user(text: str) -> UUID:
    """Return the id of a user. Raises InvalidArgument."""
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument(f"{text!r} is not a user's UUID") from error


def parse_owner(text: str) -> UUID | None:
    """Return an owner; `none` means tasks without one. Raises InvalidArgument."""
    if text == NO_OWNER:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidArgument(
            f"{text!r} is not an owner", hint="use a user's UUID, or none"
        ) from error


def parse_owners(text: str) -> tuple[UUID | None, bool]:
    """Return an owner, and whether all owners are meant. Raises InvalidArgument."""
    return (None, True) if text == EVERYONE else (parse_owner(text), False)


def derive_session(name: str) -> UUID:
    """Return the id of the conversation that commands mean by a name, or by its id."""
    from gateway.auth.principal import LOCAL  # noqa: PLC0415
    from gateway.tasks.task_run import derive_session_id  # noqa: PLC0415 - rarely needed

    return derive_session_id(name, LOCAL)
