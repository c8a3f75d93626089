"""One-time codes for sign-in by e-mail, kept in memory; mails are written to the log."""

import hashlib
import logging
import secrets
import time
from dataclasses import dataclass
from typing import Final

from embedded.auth.errors import AuthError

LIFETIME_SECONDS: Final = 3600
FREQUENCY_SECONDS: Final = 1
"""Minimum time between two mails to an address; hosted projects wait 60."""
_DIGITS: Final = 6
_MAX_CODES: Final = 10_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Code:
    hash: str
    made_at: float


class Codes:
    """The latest code of each address."""

    def __init__(self) -> None:
        self._codes: dict[str, _Code] = {}

    def create(self, email: str) -> str:
        """Return a new code, which replaces the one before it."""
        code = "".join(secrets.choice("0123456789") for _ in range(_DIGITS))
        self._codes.pop(email, None)
        if len(self._codes) >= _MAX_CODES:
            del self._codes[next(iter(self._codes))]
        self._codes[email] = _Code(_hash(email, code), time.monotonic())
        return code

    def send(self, email: str) -> None:
        """Write a mail with a new code to the log. Raise `AuthError` (429) if it is too early."""
        last = self._codes.get(email)
        if last is not None and time.monotonic() < last.made_at + FREQUENCY_SECONDS:
            raise AuthError(
                429,
                "over_email_send_rate_limit",
                "For security purposes, you can only request this after"
                f" {FREQUENCY_SECONDS} seconds.",
            )
        _log.info("mail to %s: your code is %s", email, self.create(email))

    def use(self, email: str, code: str) -> bool:
        """Return whether a code is valid, and forget it then."""
        known = self._codes.get(email)
        if (
            known is None
            or time.monotonic() > known.made_at + LIFETIME_SECONDS
            or not secrets.compare_digest(known.hash, _hash(email, code))
        ):
            return False
        del self._codes[email]
        return True


def _hash(email: str, code: str) -> str:
    return hashlib.sha256(f"{email}\n{code}".encode(errors="replace")).hexdigest()
