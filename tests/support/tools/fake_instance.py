"""What the database says to agents that ask whether it is a copy."""

from dataclasses import dataclass, field

from protocol.records.agents import Verdict


@dataclass(kw_only=True)
class FakeInstance:
    """Is its own until a test says otherwise."""

    copy_reason: str | None = None
    verified: list[tuple[str, bool]] = field(default_factory=list)
    """The host of each call, and whether it was the first of an agent."""

    async def verify_instance(self, *, agent_id: str, host: str, is_start: bool = False) -> Verdict:
        await self._obey("verify_instance")
        self.verified.append((host, is_start))
        return Verdict(is_own=self.copy_reason is None, reason=self.copy_reason)

    async def _obey(self, method: str) -> None:
        """Do to a call what the script says."""
        raise NotImplementedError
