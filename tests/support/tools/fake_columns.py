"""What the database says to those who run AI columns."""

from dataclasses import dataclass, field

from protocol.errors import CogoError
from protocol.records.columns import ColumnRun
from tests.support.tools.fake_memory import FakeMemory

IDLE = ColumnRun(collected=0, applied=0, asked=0, is_more=False)


@dataclass(kw_only=True)
class FakeColumns(FakeMemory):
    """Answers with a script, and then that there is nothing to do."""

    column_runs: list[ColumnRun | CogoError] = field(default_factory=list)
    column_limits: list[int] = field(default_factory=list)
    """The limit of each call."""

    async def run_columns(
        self, *, agent_id: str, limit: int = 500, host: str | None = None
    ) -> ColumnRun:
        self.column_limits.append(limit)
        answer = self.column_runs.pop(0) if self.column_runs else IDLE
        if isinstance(answer, CogoError):
            raise answer
        return answer
