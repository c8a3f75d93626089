"""The API keys of an installation, and the identity of a request that has one."""

import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import jwt

from embedded.auth.token_cutoff import TokenCutoff
from embedded.errors import CannotStart
from embedded.private_files import read_json_object, write_private

LEEWAY_SECONDS: Final = 30
"""Tolerated clock difference of token issuers, as in PostgREST."""

_FILE: Final = "keys.json"
_TEN_YEARS_SECONDS: Final = 10 * 365 * 24 * 3600
_API_ROLES: Final = frozenset({"anon", "service_role"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of one installation; `jwt_secret` signs the legacy keys and the users' tokens."""

    publishable: str
    secret: str
    jwt_secret: str
    legacy_anon: str
    legacy_service_role: str
    token_cutoff: TokenCutoff = field(default_factory=TokenCutoff, init=False, compare=False)
    """Exists in memory only."""

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return f"Keys({self.publishable}, ...)"


@dataclass(frozen=True, slots=True)
class Identity:
    """The database role of a request, and the claims that policies see."""

    role: str
    claims: dict[str, Any]


class KeyRefused(Exception):
    """The key or token was refused; respond with this status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("message"))
        self.status = status
        self.body = body


class TokenFault(StrEnum):
    """Reasons to reject a token."""

    MALFORMED = "malformed"
    BAD_SIGNATURE = "bad signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"


class TokenRejected(Exception):
    """The token has another signature or is not valid now."""

    def __init__(self, fault: TokenFault) -> None:
        super().__init__(f"token {fault.value}")
        self.fault = fault


def load_keys(directory: Path) -> Keys:
    """Read the keys of a state directory, or create them (mode 0600)."""
    path = directory / _FILE
    if not path.exists():
        return rotate_keys(directory)
    stored = read_json_object(path) or {}
    try:
        return Keys(**{name: str(stored[name]) for name in _list_stored_names()})
    except KeyError as error:
        raise CannotStart(
            f"{path} is damaged: restore it, or remove it to get new keys."
        ) from error


def rotate_keys(directory: Path) -> Keys:
    """Replace the keys, which invalidates the old ones and the sessions of all users.

    Call it only while no server runs on the directory: a running one keeps the keys it has read.
    """
    fresh = make_keys()
    stored = {name: getattr(fresh, name) for name in _list_stored_names()}
    write_private(directory / _FILE, json.dumps(stored, indent=2))
    return fresh


def make_keys() -> Keys:
    """Create random keys in the format of a hosted project."""
    jwt_secret = secrets.token_urlsafe(48)
    return Keys(
        publishable=f"sb_publishable_{secrets.token_urlsafe(24)}",
        secret=f"sb_secret_{secrets.token_urlsafe(24)}",
        jwt_secret=jwt_secret,
        legacy_anon=_sign_legacy_key(jwt_secret, "anon"),
        legacy_service_role=_sign_legacy_key(jwt_secret, "service_role"),
    )


def identify(
    keys: Keys,
    *,
    apikey: str | None,
    authorization: str | None,
    user_agent: str | None = None,
) -> Identity:
    """Return the identity of a request, as a hosted project's gateway and PostgREST do.

    Raise `KeyRefused` with the response of a hosted project.

    Args:
        keys: of this installation.
        apikey: from the header of that name, or from the URL.
        authorization: the whole header.
        user_agent: the header; browsers may not use the secret key.
    """
    if not apikey:
        raise KeyRefused(
            401,
            {
                "message": "No API key found in request",
                "hint": "No `apikey` request header or url param was found.",
            },
        )
    key_identity = _identify_key(keys, apikey)
    if key_identity.role == "service_role" and _is_browser(user_agent):
        raise KeyRefused(
            401,
            {
                "message": "Forbidden use of secret API key in browser",
                "hint": "A secret key belongs on a server; use the publishable key here.",
            },
        )
    token = _parse_bearer(authorization)
    if token is None or _is_equal(token, apikey):
        return key_identity
    if token.startswith("sb_"):
        raise _invalid_key_error()
    try:
        claims = verify_jwt(keys, token)
    except TokenRejected as error:
        raise KeyRefused(401, _TOKEN_BODIES[error.fault]) from error
    return Identity(str(claims.get("role") or "anon"), claims)


def identify_headers(
    keys: Keys, headers: Mapping[str, str], *, url_key: str | None = None, has_token: bool = True
) -> Identity:
    """Return the identity of a request with these headers; see `identify`.

    `url_key` is the key in the URL, if any. Without `has_token` Authorization is ignored.
    """
    return identify(
        keys,
        apikey=headers.get("apikey") or url_key,
        authorization=headers.get("authorization") if has_token else None,
        user_agent=headers.get("user-agent"),
    )


def verify_jwt(keys: Keys, token: str, *, leeway_seconds: float = LEEWAY_SECONDS) -> dict[str, Any]:
    """Return the claims of a token; raise `TokenRejected` if it is not valid now."""
    claims = decode_jwt(keys, token, leeway_seconds=leeway_seconds)
    if keys.token_cutoff.get_revocation_time(claims) is not None:
        raise TokenRejected(TokenFault.EXPIRED)
    return claims


def decode_jwt(keys: Keys, token: str, *, leeway_seconds: float) -> dict[str, Any]:
    """Return the claims of a token regardless of the cutoff; raise `TokenRejected`."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            keys.jwt_secret,
            algorithms=["HS256", "HS384", "HS512"],
            leeway=leeway_seconds,
            options={"verify_aud": False, "verify_sub": False, "verify_jti": False},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenRejected(TokenFault.EXPIRED) from error
    except (jwt.ImmatureSignatureError, jwt.InvalidIssuedAtError) as error:
        raise TokenRejected(TokenFault.NOT_YET_VALID) from error
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise TokenRejected(TokenFault.BAD_SIGNATURE) from error
    except (jwt.PyJWTError, UnicodeError, ValueError) as error:
        raise TokenRejected(TokenFault.MALFORMED) from error
    return claims


def sign_jwt(keys: Keys, claims: dict[str, Any]) -> str:
    """Return a signed token with these claims."""
    return jwt.encode(claims, keys.jwt_secret, algorithm="HS256")


def _list_stored_names() -> list[str]:
    return [each.name for each in fields(Keys) if each.init]


def _sign_legacy_key(jwt_secret: str, role: str) -> str:
    now = int(time.time())
    claims = {"iss": "supabase", "role": role, "iat": now, "exp": now + _TEN_YEARS_SECONDS}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")


def _identify_key(keys: Keys, apikey: str) -> Identity:
    if _is_equal(apikey, keys.publishable):
        return Identity("anon", {"role": "anon"})
    if _is_equal(apikey, keys.secret):
        return Identity("service_role", {"role": "service_role"})
    try:
        claims = verify_jwt(keys, apikey)
    except TokenRejected as error:
        raise _invalid_key_error() from error
    if claims.get("role") not in _API_ROLES:
        raise _invalid_key_error()
    return Identity(claims["role"], claims)


def _invalid_key_error() -> KeyRefused:
    return KeyRefused(
        401,
        {
            "message": "Invalid API key",
            "hint": "Double check your Supabase `anon` or `service_role` API key.",
        },
    )


def _parse_bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _is_equal(given: str, kept: str) -> bool:
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), kept.encode("utf-8", "surrogatepass")
    )


def _is_browser(user_agent: str | None) -> bool:
    return (user_agent or "").startswith("Mozilla/")


def _build_token_body(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "details": None, "hint": None}


_TOKEN_BODIES: Final = {
    TokenFault.MALFORMED: _build_token_body("PGRST301", "JWT cryptographic operation failed"),
    TokenFault.BAD_SIGNATURE: _build_token_body(
        "PGRST301", "No suitable key or wrong key type to decode the JWT"
    ),
    TokenFault.EXPIRED: _build_token_body("PGRST303", "JWT expired"),
    TokenFault.NOT_YET_VALID: _build_token_body("PGRST303", "JWT not yet valid"),
}
