"""Hashing of the passwords of accounts."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from typing import Final

MINIMUM_LENGTH: Final = 6

_COST: Final = 2**14
_BLOCK_SIZE: Final = 8
_PARALLEL: Final = 1


async def hash_password(password: str) -> str:
    """Return a salted scrypt hash (RFC 7914) that includes its parameters."""
    salt = secrets.token_bytes(16)
    digest = await asyncio.to_thread(_scrypt, password, salt, _COST, _BLOCK_SIZE, _PARALLEL)
    numbers = f"{_COST}${_BLOCK_SIZE}${_PARALLEL}"
    return f"scrypt${numbers}${_encode(salt)}${_encode(digest)}"


async def is_password(password: str, stored: str | None) -> bool:
    """Return whether the password has this hash; take as long if there is no hash."""
    if not stored or not stored.startswith("scrypt$"):
        await hash_password(password)
        return False
    _, cost, block_size, parallel, salt, digest = stored.split("$")
    found = await asyncio.to_thread(
        _scrypt, password, _decode(salt), int(cost), int(block_size), int(parallel)
    )
    return hmac.compare_digest(found, _decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block_size: int, parallel: int) -> bytes:
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block_size, p=parallel, dklen=32)


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text)
