"""The passwords of the database roles that log in, random per installation."""

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from embedded.errors import CannotStart
from embedded.private_files import read_json_object, write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """One password per role, hexadecimal so that it needs no quoting."""

    postgres: str
    authenticator: str
    supabase_admin: str
    token: str
    """Not a password: distinguishes the state directory from an earlier one at its path."""

    def __repr__(self) -> str:
        """Return a representation without secrets."""
        return "Passwords(...)"

    def for_role(self, role: str) -> str:
        """Return the password of a login role."""
        return {
            "postgres": self.postgres,
            "authenticator": self.authenticator,
            "supabase_admin": self.supabase_admin,
        }[role]


LOGIN_ROLES = ("postgres", "authenticator", "supabase_admin")


def load_passwords(directory: Path) -> Passwords:
    """Read the passwords of a state directory, or create them (mode 0600).

    Raise `CannotStart` if the file is damaged.
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
            f"{path} is damaged: restore it, or remove the whole directory to start over."
        ) from error
