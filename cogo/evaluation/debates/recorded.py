"""Debates of recorded answers: the real workflow, in this process, without any model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from agents.workflows.debate import debate
from agents.workflows.engine import DecisionRequest, FlowFailed, StepRequest
from cogo.evaluation.dataset import Recordings
from cogo.evaluation.debates.figures import WayOutcome
from cogo.evaluation.debates.questions import KnownQuestion, is_right
from cogo.evaluation.in_process import StepDone, run_workflow
from protocol.records import TaskBrief


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDebates:
    """Plays questions with the recorded answers of models.

    The first three models of the recording debate, the fourth decides. A model that has read the
    others keeps its answer, and nobody compares answers of different words.
    """

    recordings: Recordings
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """Dollars for a call of each model."""
    against: str
    """The model that answers alone."""

    async def debate(self, question: KnownQuestion) -> WayOutcome:
        """Have a question debated."""
        called: list[str] = []

        async def perform(request: StepRequest) -> StepDone:
            model, name = request.request.get("model"), request.key.partition("#")[0]
            answer = self.recordings.get(str(model), {}).get(question.id)
            if not isinstance(model, str) or answer is None:
                return StepDone(error={"class": "no_recording", "message": "it is not recorded"})
            called.append(model)
            data = _rule(answer) if name == "verdict" else _hold(answer, request)
            output = {"data": data, "model_used": model}
            return StepDone(output=output, model=model, cost_usd=self.prices.get(model))

        task = TaskBrief(
            id=uuid5(NAMESPACE_URL, question.id), type=debate.type, prompt=question.prompt
        )
        run = await run_workflow(debate, task, perform=perform, decide=self._decide)
        result = run.result or {}
        decision = (result.get("verdict") or {}).get("decision")
        decided = result.get("decided_by")
        failed = run.outcome if isinstance(run.outcome, FlowFailed) else None
        ended = "undecided" if decision is None else "agreed" if decided is None else "decided"
        return WayOutcome(
            question=question.id,
            answer=decision,
            is_right=is_right(question, decision),
            calls=len(called),
            cost_usd=self._sum_prices(called),
            model=decided,
            ended="" if failed else ended,
            error=f"{failed.error_class}: {failed.message}" if failed else None,
        )

    async def answer(self, question: KnownQuestion, strongest: str | None) -> WayOutcome:
        """Return the recorded answer of one model."""
        del strongest
        model = self.against
        answer = self.recordings.get(model, {}).get(question.id)
        return WayOutcome(
            question=question.id,
            answer=answer,
            is_right=is_right(question, answer),
            calls=0 if answer is None else 1,
            cost_usd=self._sum_prices([] if answer is None else [model]),
            model=model,
            error="no_recording: it is not recorded" if answer is None else None,
        )

    def _decide(self, request: DecisionRequest) -> JsonValue:
        roles = request.arguments.get("roles")
        seats = zip(roles if isinstance(roles, list) else [], self.recordings, strict=False)
        return {"models": [{"role": role, "model": m, "maker": m} for role, m in seats]}

    def _sum_prices(self, models: list[str]) -> float | None:
        prices = [self.prices.get(each) for each in models]
        known = [each for each in prices if each is not None]
        return float(sum(known)) if len(known) == len(prices) else None


def find_most_right(recordings: Recordings, questions: Sequence[KnownQuestion]) -> str:
    """Return the model with the most right answers; the first of equal ones."""
    right = {
        model: sum(is_right(each, answers.get(each.id)) for each in questions)
        for model, answers in recordings.items()
    }
    return max(right, key=right.__getitem__)


def _hold(answer: str, request: StepRequest) -> dict[str, Any]:
    """Return the position of a debater, or its reply."""
    position = {
        "verdict": answer[:500], "reasons": [], "evidence": [], "confidence": 50,
        "would_change": "",
    }  # fmt: skip
    return position | ({"attack": ""} if "#" in request.key else {})


def _rule(answer: str) -> dict[str, Any]:
    return {"decision": answer[:500], "explanation": "", "evidence": [], "agreeing": []}
