"""The Supabase that the contract tests judge: the embedded one, or any other."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from embedded.state import State

_PREFIX: Final = "COGO_CONTRACT_"
_VARIABLES: Final = ("URL", "PUBLISHABLE_KEY", "SECRET_KEY", "DB_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Supabase and its keys; has the fields of the embedded server's state that clients need."""

    url: str
    publishable_key: str
    secret_key: str
    db_url: str
    """For the role postgres."""
    is_embedded: bool
    """Tests of what only the embedded server has skip elsewhere."""


def foreign_target() -> Target | None:
    """Return the Supabase that the variables COGO_CONTRACT_* name, if they do."""
    # These variables are for tests alone: the product's settings know nothing of them.
    given = {name: os.environ.get(_PREFIX + name, "") for name in _VARIABLES}  # noqa: TID251
    if not given["URL"]:
        return None
    missing = [_PREFIX + name for name, value in given.items() if not value]
    if missing:
        raise pytest.UsageError(f"{_PREFIX}URL is set: {', '.join(missing)} must be set too")
    return Target(
        url=given["URL"].rstrip("/"),
        publishable_key=given["PUBLISHABLE_KEY"],
        secret_key=given["SECRET_KEY"],
        db_url=given["DB_URL"],
        is_embedded=False,
    )


@pytest.fixture(scope="session")
def contract_target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Yield the Supabase that the contract tests judge, by default the embedded server."""
    foreign = foreign_target()
    if foreign is not None:
        yield foreign
        return
    state: State = request.getfixturevalue("supabase_server")
    yield Target(
        url=state.url,
        publishable_key=state.publishable_key,
        secret_key=state.secret_key,
        db_url=state.db_url,
        is_embedded=True,
    )
