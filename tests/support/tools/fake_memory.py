"""What the database says to agents that remember, search and run the follow-up work of memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from protocol.errors import CogoError
from protocol.records.memory import KeptFact, MemoryHit, MemoryRun, NewFact

IDLE_MEMORY = MemoryRun(asked=0, applied=0, is_more=False)


@dataclass(kw_only=True)
class FakeMemory:
    """Finds what a test says, and answers with a script, and then that there is nothing to do."""

    memory_runs: list[MemoryRun | CogoError] = field(default_factory=list)
    memory_calls: list[tuple[str | None, int]] = field(default_factory=list)
    """The model and the limit of each call."""
    found_memories: list[MemoryHit] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)
    facts: list[tuple[UUID | None, NewFact]] = field(default_factory=list)
    """What was remembered, with its owner."""

    async def run_memory(
        self, *, agent_id: str, embedding_model: str | None = None, limit: int = 200
    ) -> MemoryRun:
        self.memory_calls.append((embedding_model, limit))
        answer = self.memory_runs.pop(0) if self.memory_runs else IDLE_MEMORY
        if isinstance(answer, CogoError):
            raise answer
        return answer

    async def remember(self, *, owner: UUID | None, facts: Sequence[NewFact]) -> list[KeptFact]:
        kept = []
        for place, each in enumerate(facts):
            is_new = (owner, each.content) not in {(o, f.content) for o, f in self.facts}
            self.facts.append((owner, each))
            kept.append(KeptFact(place=place, id=uuid4(), is_new=is_new))
        return kept

    async def search_memory(self, *, limit: int = 10, **asked: Any) -> list[MemoryHit]:
        self.searches.append(asked | {"limit": limit})
        return self.found_memories[:limit]
