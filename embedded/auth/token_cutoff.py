"""A time before which issued tokens are revoked, set by a fault."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

_PROJECT_ROLES: Final = frozenset({"anon", "service_role"})
"""Roles of the legacy keys, which are tokens too."""


class TokenCutoff:
    """Revokes the tokens of users; it starts without a cutoff."""

    def __init__(self) -> None:
        self._cutoff: float | None = None
        self._watchers: dict[Callable[[], None], None] = {}

    def revoke_before(self, at: float) -> None:
        """Revoke users' tokens issued before `at` (Unix time), and those without an issue time."""
        self._cutoff = at
        for watcher in tuple(self._watchers):
            watcher()

    def get_revocation_time(self, claims: Mapping[str, Any]) -> float | None:
        """Return the Unix time at which this token was revoked, or None."""
        if self._cutoff is None or claims.get("role") in _PROJECT_ROLES:
            return None
        issued_at = claims.get("iat")
        is_newer = isinstance(issued_at, int | float) and issued_at >= self._cutoff
        return None if is_newer else self._cutoff

    @contextmanager
    def watch(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call `watcher` at each new cutoff within the block; it must neither raise nor block."""
        self._watchers[watcher] = None
        try:
            yield
        finally:
            del self._watchers[watcher]
