"""Asks the running system, with its own models: a debate, and one answer of one model."""

from dataclasses import dataclass
from typing import Any, Final

from agents.workflows.debate import debate
from cogo.evaluation.debates.figures import WayOutcome
from cogo.evaluation.debates.questions import KnownQuestion, is_right
from cogo.evaluation.live import fetch_called_models, submit_and_wait
from cogo.watch.format import format_error
from cogo.wiring.stores import Client
from protocol.records import NewTask, Task

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string", "description": "How you come to the answer."},
        "answer": {"type": "string"},
    },
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}
"""Of one answer: a model that thinks before it answers, as debaters do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDebates:
    """Submits questions to the running system."""

    client: Client
    against: str | None = None
    """The model that answers alone; None: the strongest, as the debate was told."""

    async def debate(self, question: KnownQuestion) -> WayOutcome:
        """Have a question debated."""
        task = await submit_and_wait(
            self.client, NewTask(type=debate.type, prompt=question.prompt, stream=False)
        )
        result = task.result or {}
        verdict, receipt = _get_mapping(result, "verdict"), _get_mapping(result, "receipt")
        decided, decision = result.get("decided_by"), verdict.get("decision")
        ended = "undecided" if decision is None else "agreed" if decided is None else "decided"
        return await self._build(
            task, question, decision, model=decided, ended="" if task.error else ended,
            strongest=_get_mapping(receipt, "strongest").get("model"),
        )  # fmt: skip

    async def answer(self, question: KnownQuestion, strongest: str | None) -> WayOutcome:
        """Have a question answered by one model."""
        task = await submit_and_wait(
            self.client,
            NewTask(
                type="CHAT",
                prompt=question.prompt,
                params={"response_schema": _SCHEMA},
                model=self.against or strongest,
                stream=False,
            ),
        )
        result = task.result or {}
        answer, model = _get_mapping(result, "data").get("answer"), result.get("model_used")
        return await self._build(task, question, answer, model=model)

    async def _build(
        self, task: Task, question: KnownQuestion, answer: object, **fields: Any
    ) -> WayOutcome:
        given = answer if isinstance(answer, str) else None
        seconds = (task.finished_at - task.created_at).total_seconds() if task.finished_at else 0.0
        return WayOutcome(
            question=question.id,
            answer=given,
            is_right=is_right(question, given),
            calls=len(await fetch_called_models(self.client.store, task.id)),
            cost_usd=None if task.cost_usd is None else float(task.cost_usd),
            seconds=seconds,
            error=format_error(task.error) if task.error else None,
            is_simulated=task.simulated,
            **fields,
        )


def _get_mapping(values: object, name: str) -> dict[str, Any]:
    found = values.get(name) if isinstance(values, dict) else None
    return found if isinstance(found, dict) else {}
