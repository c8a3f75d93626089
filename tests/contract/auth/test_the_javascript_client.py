"""Accounts and sessions through supabase-js."""

from pathlib import Path

from tests.support.accounts import an_email
from tests.support.node import run_node
from tests.support.servers.contract_target import Target


def test_an_account_lives_through_the_javascript_client(
    contract_target: Target, javascript_folder: Path
) -> None:
    email = an_email()

    told = run_node(
        "auth.mjs",
        {
            "SUPABASE_URL": contract_target.url,
            "SUPABASE_KEY": contract_target.publishable_key,
            "SUPABASE_SECRET_KEY": contract_target.secret_key,
            "EMAIL": email,
        },
    )

    events = told.pop("events")
    assert isinstance(events, list)
    assert {"SIGNED_IN", "TOKEN_REFRESHED", "USER_UPDATED", "SIGNED_OUT"} <= set(events)
    assert told == {
        "made": {
            "failure": None,
            "hasSession": True,
            "identities": ["email"],
            "metadata": {"team": "a"},
        },
        "again": _api_error(422, "user_already_exists"),
        "weak": {
            "name": "AuthWeakPasswordError",
            "status": 422,
            "code": "weak_password",
            "reasons": ["length"],
        },
        "wrong": _api_error(400, "invalid_credentials"),
        "renewed": {"failure": None, "rotated": True},
        "unknownRefresh": _api_error(400, "refresh_token_not_found"),
        "isMe": True,
        "claims": {"email": email, "role": "authenticated"},
        "changed": {"failure": None, "metadata": {"team": "a", "colour": "blue"}},
        "same": _api_error(422, "same_password"),
        "others": None,
        "ended": {"name": "AuthSessionMissingError", "status": 400},
        "notAdmin": _api_error(403, "not_admin"),
        "updated": {"failure": None, "plan": "pro"},
        "page": {"failure": None, "users": 1, "counted": True},
        "found": email,
        "signedOut": None,
        "removed": None,
        "gone": _api_error(404, "user_not_found"),
        "nobody": _api_error(400, "invalid_credentials"),
    }


def _api_error(status: int, code: str) -> dict[str, object]:
    return {"name": "AuthApiError", "status": status, "code": code}
