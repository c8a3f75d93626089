"""Memory: the steps of workflows that remember facts, and that search what was remembered."""

import time
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from loguru import logger
from pydantic import BaseModel, ConfigDict

from agents.executor.call_context import build_call_context
from agents.executor.failure_policy import end_irreplaceable
from agents.memory.memory import Memory
from agents.memory.models import MemoryModel
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed
from agents.runtime.pool import SideWork
from protocol.errors import CogoError, Refused
from protocol.lanes import MEMORY, read_embedding_lane
from protocol.records import ClaimedSubtask, Completion, ErrorInfo, Failure, FailureAction
from protocol.records.memory import FoundInMemory, NewFact
from providers.errors import ProviderError

RECALL: Final = "recall"
REMEMBER: Final = "remember"
MEMORY_FAILED: Final = "memory_failed"
"""Class of the error of a step that the database refused, or did not answer."""
_RETRY: Final = timedelta(seconds=2)
_SHOWN: Final = 100


class _FactArguments(BaseModel):
    model_config = ConfigDict(frozen=True)

    content: str
    source: str | None = None
    happened_at: datetime | None = None


class _RememberArguments(BaseModel):
    model_config = ConfigDict(frozen=True)

    facts: list[_FactArguments]


class _RecallArguments(BaseModel):
    model_config = ConfigDict(frozen=True)

    query: str
    sources: list[str] | None = None
    limit: int = 8
    problem: str | None = None
    """Why there is no embedding model."""


class MemoryExecutor:
    """Does claimed steps of memory, of the task's owner only."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def build_side_work(self, agent: Agent) -> SideWork:
        """Return the work in the lane of steps that call no model."""
        return SideWork(
            lanes=lambda: [MEMORY],
            work=self.execute,
            capacity=agent.options.memory_capacity,
            wakeup=agent.build_wakeup(),
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Remember, or recall. Raises WorkFailed."""
        arguments = claimed.params.get("arguments")
        try:
            if claimed.params.get("name") == REMEMBER:
                asked = _RememberArguments.model_validate(arguments)
                return Completion(ref=claimed.ref, output=await self._remember(claimed, asked))
            wanted = _RecallArguments.model_validate(arguments)
            return Completion(ref=claimed.ref, output=await self._recall(claimed, wanted))
        except ProviderError as error:
            raise end_irreplaceable(error, claimed) from error
        except CogoError as error:
            _fail(claimed, error)

    async def _remember(self, claimed: ClaimedSubtask, asked: _RememberArguments) -> dict[str, Any]:
        facts = [
            NewFact(
                content=each.content,
                source=each.source or f"task {claimed.task_id}",
                task_id=claimed.task_id,
                session_id=claimed.task.session_id,
                happened_at=each.happened_at,
            )
            for each in asked.facts
        ]
        kept = await self._memory.remember(claimed.task.owner, facts)
        new = sum(each.is_new for each in kept)
        logger.info("facts were remembered", new=new, known=len(kept) - new)
        return {
            "text": f"remembered {new} new facts of {len(kept)}",
            "value": [str(each.id) for each in sorted(kept, key=lambda one: one.place)],
        }

    async def _recall(self, claimed: ClaimedSubtask, asked: _RecallArguments) -> dict[str, Any]:
        started = time.monotonic()
        model = read_embedding_lane(claimed.lane)
        found = await self._memory.search(
            claimed.task.owner,
            asked.query,
            model=MemoryModel(id=model, problem=asked.problem),
            context=build_call_context(claimed),
            sources=asked.sources,
            limit=asked.limit,
        )
        logger.info("memory was searched", hits=len(found.hits), model=model)
        return _build_output(found, seconds=time.monotonic() - started)


def _build_output(found: FoundInMemory, *, seconds: float) -> dict[str, Any]:
    names = dict.fromkeys(str(each.source or "a fact")[:_SHOWN] for each in found.hits)
    return {
        "text": f"found {len(found.hits)}: {', '.join(names)}" if names else "found nothing",
        "hits": [each.model_dump(mode="json") for each in found.hits],
        "generation_time": round(seconds * 1000),
        "notes": found.notes,
    }


def _fail(claimed: ClaimedSubtask, error: CogoError) -> NoReturn:
    """Raise WorkFailed: for good if the same again would be refused again."""
    is_final = isinstance(error, Refused)
    failure = Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_=MEMORY_FAILED, message=str(error)),
        action=FailureAction.GIVE_UP if is_final else FailureAction.RETRY,
        retry_after=None if is_final else _RETRY,
    )
    raise WorkFailed(failure) from error
