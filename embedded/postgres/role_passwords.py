"""The passwords of the database roles that log in, random per installation."""

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from embedded.errors import CannotStart
from embedded.private_files import read_json_object, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """One password a role, hexadecimal so that it needs no quoting anywhere."""

    postgres: str
    authenticator: str
    supabase_admin: str
    token: str
    """Not a password: tells this state directory from an earlier one of the same path."""

    def __repr__(self) -> str:
        """Nothing that a log could give away."""
        return "Passwords(...)"

    def of(self, role: str) -> str:
        """The password of a role that logs in."""
        return {
            "postgres": self.postgres,
            "authenticator": self.authenticator,
            "supabase_admin": self.supabase_admin,
        }[role]


LOGIN_ROLES = ("postgres", "authenticator", "supabase_admin")


def load_passwords(directory: Path) -> Passwords:
    """Read the passwords of this state directory, or make them (mode 0600).

    Raises CannotStart when the file is there but is not ours to understand.
    """
    path = directory / "passwords.json"
    if not path.exists():
        fresh = Passwords(**{field.name: secrets.token_hex(24) for field in fields(Passwords)})
        write_private(path, json.dumps(asdict(fresh)))
        return fresh
    stored = read_json_object(path) or {}
    try:
        return Passwords(**{field.name: str(stored[field.name]) for field in fields(Passwords)})
    except KeyError as error:
        raise CannotStart(
            f"{path} is damaged: restore it, or remove the whole directory to start anew."
        ) from error
