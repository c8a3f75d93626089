"""Whether a database is the one that was adopted, or a copy of it."""

from typing import Protocol

from protocol.records.agents import Adopted, Instance, Verdict


class VerifyingStore(Protocol):
    """What agents ask. Raises what `QueueStore` raises."""

    async def verify_instance(self, *, agent_id: str, host: str, is_start: bool = False) -> Verdict:
        """Return whether this is the database that was adopted at `host`; the first caller adopts.

        `host` is that of the project's address; `is_start`: at the first call of an agent.
        """
        ...


class InstanceStore(VerifyingStore, Protocol):
    """What operators ask and do."""

    async def fetch_instance(self, *, host: str | None = None) -> Instance:
        """Return where the database was adopted, and what waits for that here."""
        ...

    async def adopt_instance(self, *, host: str) -> Adopted:
        """Make the database run by itself. Repeating it changes nothing. Raise InvalidArgument."""
        ...
