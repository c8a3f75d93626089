"""The moment before which issued tokens no longer count: an ordered fault sets it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

_PROJECT_ROLES: Final = frozenset({"anon", "service_role"})
"""Of the legacy keys, which are tokens too."""


class TokenCutoff:
    """Makes the tokens of users end earlier than they say; until it is called nothing does."""

    def __init__(self) -> None:
        self._called_at: float | None = None
        self._watchers: dict[Callable[[], None], None] = {}

    def call(self, at: float) -> None:
        """End every token of a user that was issued before `at` (Unix time), as of then.

        Tokens that do not say when they were issued end too.
        """
        self._called_at = at
        for watcher in tuple(self._watchers):
            watcher()

    def expired_at(self, claims: Mapping[str, Any]) -> float | None:
        """When the curfew ended this token, in Unix time; None when it did not."""
        if self._called_at is None or claims.get("role") in _PROJECT_ROLES:
            return None
        issued_at = claims.get("iat")
        is_later = isinstance(issued_at, int | float) and issued_at >= self._called_at
        return None if is_later else self._called_at

    @contextmanager
    def watched(self, watcher: Callable[[], None]) -> Iterator[None]:
        """Call `watcher`, which neither raises nor blocks, at each call within the block."""
        self._watchers[watcher] = None
        try:
            yield
        finally:
            del self._watchers[watcher]
