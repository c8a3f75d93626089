"""Stored turns of earlier tasks, in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from protocol.records import TaskTurn


@dataclass
class FakeAnswers:
    """The turns that a store finds, whoever their owner."""

    answers: list[TaskTurn] = field(default_factory=list)
    answer_searches: int = 0

    async def fetch_task_turns(
        self, *, task_ids: Sequence[UUID], owner: UUID | None
    ) -> list[TaskTurn]:
        self.answer_searches += 1
        return [each for each in self.answers if each.task_id in task_ids]
