"""API keys: their text and what of it is stored. `cogo_<id>_<secret>`; the database has a hash."""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "cogo_"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32


def new_key() -> tuple[str, str]:
    """Make a key; give its id and its whole text, which is shown once."""
    return key_with(secrets.token_hex(_ID_BYTES))


def key_with(hexadecimal: str) -> tuple[str, str]:
    """Make a key whose id is the beginning of a hexadecimal text."""
    key_id = hexadecimal[: 2 * _ID_BYTES]
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def id_of(key: str) -> str:
    """Give the id inside a key; for a text that is none, one that no key has."""
    return key.removeprefix(PREFIX).partition("_")[0]


def hash_of(key: str) -> str:
    """Give what is stored. The secret has 256 random bits: a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()
