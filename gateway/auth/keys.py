"""API keys: `cogo_<id>_<secret>`. The database stores only a hash."""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "cogo_"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32


def generate_key() -> tuple[str, str]:
    """Generate a key; return its id and its text, which is shown once."""
    return generate_key_with_id(secrets.token_hex(_ID_BYTES))


def generate_key_with_id(hexadecimal: str) -> tuple[str, str]:
    """Generate a key whose id is the beginning of `hexadecimal`."""
    key_id = hexadecimal[: 2 * _ID_BYTES]
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def parse_key_id(key: str) -> str:
    """Return the id in a key. For other text, return an id that no key has."""
    return key.removeprefix(PREFIX).partition("_")[0]


def hash_key(key: str) -> str:
    """Return the stored hash. The secret has 256 random bits: a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()
