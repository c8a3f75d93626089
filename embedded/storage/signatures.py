"""Signed URLs of objects."""

import time
from typing import Any, Final
from urllib.parse import quote

import jwt

from embedded.keys import Keys
from embedded.storage.errors import StorageError, invalid_parameter

_ALGORITHM: Final = "HS256"
_LONGEST: Final = 10 * 365 * 24 * 3600
_UNQUOTED: Final = "/!-.*'() &$@=;:+,"
"""What clients quote themselves."""


class UrlSigner:
    """Signs paths with a key of its own, so that no signature is also a token of a user."""

    def __init__(self, keys: Keys) -> None:
        self._key = f"storage:{keys.jwt_secret}"

    def sign(self, bucket: str, key: str, seconds: Any) -> str:
        """Return the path below /storage/v1 that anyone may read for a time."""
        lifetime = _read_seconds(seconds)
        now = int(time.time())
        claims = {"url": f"{bucket}/{key}", "iat": now, "exp": now + lifetime}
        token = jwt.encode(claims, self._key, algorithm=_ALGORITHM)
        return f"/object/sign/{quote(f'{bucket}/{key}', safe=_UNQUOTED)}?token={token}"

    def check(self, bucket: str, key: str, token: str) -> None:
        """Raise StorageError unless a token was signed for a path and has not expired."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
        except (jwt.PyJWTError, ValueError) as error:
            raise StorageError(400, "InvalidJWT", str(error)) from error
        if claims.get("url") != f"{bucket}/{key}":
            message = "The url do not match the signature"
            raise StorageError(400, "InvalidSignature", message)


def _read_seconds(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise invalid_parameter("body/expiresIn must be integer")
    seconds = int(str(value)[:12])
    if not 0 < seconds <= _LONGEST:
        raise invalid_parameter(f"body/expiresIn must be from 1 to {_LONGEST}")
    return seconds
