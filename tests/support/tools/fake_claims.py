"""Claims and completions of a fake store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from protocol.errors import CogoError, StoreUnavailable
from protocol.records import (
    CallEnd,
    Claim,
    ClaimedSubtask,
    ClaimRequest,
    Completion,
    CompletionAnswer,
    LeaseRef,
    RoundTrip,
)


@dataclass(kw_only=True)
class FakeClaims:
    """Grants what is in its queue, and keeps what was completed."""

    queue: Sequence[Claim] = field(default_factory=list)
    """What claims hand out, the first first."""
    deaf_claims: int = 0
    """So many claims are granted, but the answer is lost."""
    poison: dict[LeaseRef, CogoError] = field(default_factory=dict)
    """Completions that spoil the whole call that holds them."""
    invalid: set[LeaseRef] = field(default_factory=set)
    claims: list[tuple[UUID, int]] = field(default_factory=list)
    """Request id and limit of each claim."""
    claims_with_completions: int = 0
    """How many of them were sent with completions."""
    ended_calls: list[CallEnd] = field(default_factory=list)
    batches: list[list[LeaseRef]] = field(default_factory=list)
    """The leases of each call that was stored."""
    completed: list[Completion] = field(default_factory=list)
    _granted: dict[UUID, Sequence[Claim]] = field(default_factory=dict)

    async def claim_subtasks(
        self,
        *,
        agent_id: str,
        lanes: Sequence[str],
        limit: int,
        lease: timedelta,
        request_id: UUID,
        lane_limits: Mapping[str, int] | None = None,
    ) -> Sequence[Claim]:
        await self._obey("claim_subtasks")
        self.claims.append((request_id, limit))
        if request_id not in self._granted:
            self._granted[request_id] = self._grant(limit, lane_limits or {})
        if self.deaf_claims:
            self.deaf_claims -= 1
            raise StoreUnavailable("the answer was lost")
        return self._granted[request_id]

    def _grant(self, limit: int, lane_limits: Mapping[str, int]) -> Sequence[Claim]:
        """Take the first of the queue that may be claimed."""
        granted: list[Claim] = []
        left: list[Claim] = []
        taken: Counter[str] = Counter()
        for each in self.queue:
            lane = each.lane if isinstance(each, ClaimedSubtask) else ""
            is_free = len(granted) < limit and taken[lane] < lane_limits.get(lane, limit)
            (granted if is_free else left).append(each)
            taken[lane] += is_free
        self.queue = left
        return granted

    async def complete_subtasks(
        self, *, agent_id: str, items: Sequence[Completion]
    ) -> list[CompletionAnswer]:
        await self._obey("complete_subtasks")
        for each in items:
            if each.ref in self.poison:
                raise self.poison[each.ref]
        self.batches.append([each.ref for each in items])
        self.completed.extend(each for each in items if each.ref not in self.invalid)
        return [
            CompletionAnswer(
                subtask_id=each.ref.subtask_id,
                attempt=each.ref.attempt,
                answer="invalid" if each.ref in self.invalid else "ok",
                detail="as scripted" if each.ref in self.invalid else None,
            )
            for each in items
        ]

    async def complete_and_claim(
        self,
        *,
        agent_id: str,
        items: Sequence[Completion],
        claim: ClaimRequest | None = None,
        calls: Sequence[CallEnd] = (),
    ) -> RoundTrip:
        await self._obey("complete_and_claim")
        answers = await self.complete_subtasks(agent_id=agent_id, items=items)
        self.ended_calls.extend(calls)
        if claim is None:
            return RoundTrip(answers=answers)
        self.claims_with_completions += 1
        claimed = await self.claim_subtasks(agent_id=agent_id, **dict(claim))
        return RoundTrip(answers=answers, claimed=list(claimed))

    async def _obey(self, method: str) -> None:
        """Do to a call what the script says."""
        raise NotImplementedError
