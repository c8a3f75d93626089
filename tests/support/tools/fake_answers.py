"""Stored answers of earlier tasks, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from protocol.records import StoredAnswer


@dataclass
class FakeAnswers:
    """The answers that a store finds, whoever their owner."""

    answers: list[StoredAnswer] = field(default_factory=list)
    answer_searches: int = 0

    async def fetch_answers(
        self, *, task_ids: Sequence[UUID], call_ids: Sequence[str], owner: UUID | None
    ) -> list[StoredAnswer]:
        self.answer_searches += 1
        return [each for each in self.answers if each.task_id in task_ids]
