"""The identity of a request, as by a hosted project's gateway."""

import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.errors import CannotStart
from embedded.keys import (
    KeyRefused,
    Keys,
    TokenFault,
    TokenRejected,
    identify,
    load_keys,
    make_keys,
    sign_jwt,
    verify_jwt,
)

KEYS = make_keys()
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"


def a_session(**claims: Any) -> str:
    base = {"role": "authenticated", "sub": "a", "exp": int(time.time()) + 60}
    return sign_jwt(KEYS, base | claims)


def refusal(**request: str | None) -> KeyRefused:
    with pytest.raises(KeyRefused) as caught:
        identify(KEYS, **{"apikey": None, "authorization": None} | request)
    return caught.value


def test_the_publishable_key_alone_is_anonymous() -> None:
    assert identify(KEYS, apikey=KEYS.publishable, authorization=None).role == "anon"


def test_the_secret_key_alone_is_the_service_role() -> None:
    identity = identify(KEYS, apikey=KEYS.secret, authorization=None)

    assert (identity.role, identity.claims) == ("service_role", {"role": "service_role"})


@pytest.mark.parametrize(
    "key",
    [KEYS.publishable, KEYS.secret, KEYS.legacy_anon],
    ids=["publishable", "secret", "legacy anon"],
)
def test_a_key_repeated_as_bearer_is_no_token(key: str) -> None:
    alone = identify(KEYS, apikey=key, authorization=None)

    assert identify(KEYS, apikey=key, authorization=f"Bearer {key}") == alone


@pytest.mark.parametrize(
    "key",
    [KEYS.publishable, KEYS.secret, KEYS.legacy_anon],
    ids=["publishable", "secret", "legacy anon"],
)
def test_a_session_decides_the_role_whatever_key_carries_it(key: str) -> None:
    identity = identify(KEYS, apikey=key, authorization=f"Bearer {a_session()}")

    assert identity.role == "authenticated"
    assert identity.claims["sub"] == "a"


def test_a_session_without_a_role_is_anonymous() -> None:
    token = sign_jwt(KEYS, {"sub": "a", "exp": int(time.time()) + 60})

    assert identify(KEYS, apikey=KEYS.secret, authorization=f"bearer {token}").role == "anon"


def test_legacy_keys_have_the_role_in_their_claims() -> None:
    anon = identify(KEYS, apikey=KEYS.legacy_anon, authorization=None)
    service = identify(KEYS, apikey=KEYS.legacy_service_role, authorization=None)

    assert (anon.role, service.role) == ("anon", "service_role")


def test_a_users_token_is_no_api_key() -> None:
    refused = refusal(apikey=a_session())

    assert (refused.status, refused.body["message"]) == (401, "Invalid API key")


@pytest.mark.parametrize("apikey", [None, ""])
def test_a_missing_key_is_refused_as_on_hosted_projects(apikey: str | None) -> None:
    refused = refusal(apikey=apikey, authorization=f"Bearer {KEYS.secret}")

    assert refused.status == 401
    assert refused.body["message"] == "No API key found in request"


@pytest.mark.parametrize(
    "apikey",
    ["sb_secret_guess", "é", "\udce9", make_keys().secret],
    ids=["guess", "accent", "surrogate", "of another"],
)
def test_an_unknown_key_is_refused(apikey: str) -> None:
    assert refusal(apikey=apikey).body["message"] == "Invalid API key"


def test_another_sb_key_as_bearer_is_refused() -> None:
    refused = refusal(apikey=KEYS.publishable, authorization=f"Bearer {KEYS.secret}")

    assert refused.status == 401


@pytest.mark.parametrize(
    "key", [KEYS.secret, KEYS.legacy_service_role], ids=["secret", "legacy service role"]
)
def test_a_browser_may_not_hold_the_secret_key(key: str) -> None:
    assert refusal(apikey=key, user_agent=BROWSER).status == 401


def test_a_browser_may_hold_the_publishable_key() -> None:
    identity = identify(KEYS, apikey=KEYS.publishable, authorization=None, user_agent=BROWSER)

    assert identity.role == "anon"


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (a_session(exp=int(time.time()) - 60), "PGRST303"),
        (sign_jwt(make_keys(), {"role": "service_role"}), "PGRST301"),
        ("not.a.token", "PGRST301"),
        (jwt.encode({"role": "service_role"}, "", algorithm="none"), "PGRST301"),
    ],
    ids=["expired", "signed by another", "garbage", "not signed"],
)
def test_a_bad_session_is_refused_with_postgrests_code(token: str, code: str) -> None:
    refused = refusal(apikey=KEYS.secret, authorization=f"Bearer {token}")

    assert (refused.status, refused.body["code"]) == (401, code)


def test_clocks_may_differ_by_half_a_minute_by_default() -> None:
    token = a_session(exp=int(time.time()) - 10)

    assert verify_jwt(KEYS, token)["sub"] == "a"
    with pytest.raises(TokenRejected) as caught:
        verify_jwt(KEYS, token, leeway_seconds=0)
    assert caught.value.fault is TokenFault.EXPIRED


@given(apikey=st.text(), authorization=st.text())
def test_any_input_is_identified_or_refused(apikey: str, authorization: str) -> None:
    with pytest.raises(KeyRefused):
        identify(KEYS, apikey=apikey, authorization=f"Bearer {authorization}")


@given(token=st.text())
def test_any_token_is_verified_or_rejected(token: str) -> None:
    with pytest.raises(TokenRejected):
        verify_jwt(KEYS, token)


def test_keys_are_created_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    made = load_keys(tmp_path)

    assert load_keys(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert made != load_keys(_folder(tmp_path))


def test_damaged_keys_are_not_replaced_silently(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")

    with pytest.raises(CannotStart, match="damaged"):
        load_keys(tmp_path)


def test_keys_are_not_in_the_repr() -> None:
    shown = repr(KEYS) + str(KEYS)

    secrets = (KEYS.secret, KEYS.jwt_secret, KEYS.legacy_anon, KEYS.legacy_service_role)
    assert not any(secret in shown for secret in secrets)


def test_keys_have_the_format_of_a_hosted_project() -> None:
    keys: Keys = make_keys()

    assert keys.publishable.startswith("sb_publishable_")
    assert keys.secret.startswith("sb_secret_")


def _folder(parent: Path) -> Path:
    folder = parent / "other"
    folder.mkdir()
    return folder
