"""The JSON of an account."""

import json
import uuid
from datetime import datetime
from typing import Any

import asyncpg


def build_user(row: asyncpg.Record) -> dict[str, Any]:
    """Build the JSON of an account, without its password."""
    user = {
        "id": str(row["id"]),
        "aud": row["aud"],
        "role": row["role"],
        "email": row["email"],
        "phone": row["phone"] or "",
        "email_confirmed_at": _format_time(row["email_confirmed_at"]),
        "confirmed_at": _format_time(row["confirmed_at"]),
        "last_sign_in_at": _format_time(row["last_sign_in_at"]),
        "app_metadata": json.loads(row["raw_app_meta_data"] or "{}"),
        "user_metadata": json.loads(row["raw_user_meta_data"] or "{}"),
        "identities": [_build_identity(row)],
        "created_at": _format_time(row["created_at"]),
        "updated_at": _format_time(row["updated_at"]),
        "is_anonymous": row["is_anonymous"],
    }
    if row["banned_until"]:
        user["banned_until"] = _format_time(row["banned_until"])
    return user


def _build_identity(row: asyncpg.Record) -> dict[str, Any]:
    """Build the e-mail identity; clients take an empty list as a refusal."""
    user_id = str(row["id"])
    return {
        "identity_id": str(uuid.uuid5(row["id"], "email")),
        "id": user_id,
        "user_id": user_id,
        "identity_data": {
            "email": row["email"],
            "email_verified": row["email_confirmed_at"] is not None,
            "phone_verified": False,
            "sub": user_id,
        },
        "provider": "email",
        "email": row["email"],
        "last_sign_in_at": _format_time(row["last_sign_in_at"]),
        "created_at": _format_time(row["created_at"]),
        "updated_at": _format_time(row["updated_at"]),
    }


def _format_time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
