"""Models that answer with what was recorded, and checks that run for real."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from agents.extraction.answer import extract_code
from agents.workflows.engine import DecisionRequest, StepRequest
from agents.workflows.params.step_params import FOR_STATISTICS
from cogo.evaluation.checks import RememberedChecks
from cogo.evaluation.dataset import CodingProblem, Recordings
from cogo.evaluation.in_process import StepDone

NO_RECORDING: Final = "no_recording"


class RecordedWorld:
    """What answers the steps and decisions of one task.

    A recording is the first answer of a model to a problem: it is given to the first request for
    the task's answer that names the model. Everything else that a workflow asks models for, such as
    tests or a repair, fails as `no_recording` and is counted in `skipped`.
    """

    def __init__(
        self,
        problem: CodingProblem,
        *,
        models: Sequence[str],
        recordings: Recordings,
        prices: Mapping[str, Decimal],
        checks: RememberedChecks,
    ) -> None:
        self._problem = problem
        self._models = tuple(models)
        self._recordings = recordings
        self._prices = prices
        self._checks = checks
        self.called: list[str] = []
        """Models, in the order in which they were asked."""
        self.skipped: Counter[str] = Counter()
        """Requests without a recording, by the key of their step."""
        self.last_code: str | None = None
        """The code of the latest answer."""
        self.seconds = 0.0
        """Time of all checks."""

    async def perform(self, request: StepRequest) -> StepDone:
        """Answer a model's step from the recordings; run a check."""
        match request.kind:
            case "ask":
                return self._answer(request)
            case "check":
                stated = request.request.items()
                params = {name: each for name, each in stated if name not in FOR_STATISTICS}
                report = await self._checks.run(params)
                self.seconds += report.seconds
                output = {"report": report.model_dump(mode="json"), "text": report.summary}
                return StepDone(output=output)
            case kind:
                return _fail("not_evaluated", f"an evaluation has no steps of kind {kind}")

    def decide(self, request: DecisionRequest) -> JsonValue:
        """Return the models of the configuration for whatever decision is about models."""
        if request.kind == "sandbox":
            available = f"sandbox:{request.arguments.get('language')}" in self._checks.runner.lanes
            return {"available": available, "backend": self._checks.runner.sandbox.name}
        models = () if request.kind == "team" else self._models
        count = request.arguments.get("count")
        chosen = models[:count] if isinstance(count, int) else models
        return {"models": [_describe(each, self._prices) for each in chosen]}

    def _answer(self, request: StepRequest) -> StepDone:
        stated = request.request.get("model")
        model = stated if isinstance(stated, str) else self._models[0]
        completion = self._recordings.get(model, {}).get(self._problem.id)
        if not request.answer or model in self.called or completion is None:
            name = request.key.rpartition("/")[2].partition("#")[0]
            self.skipped[name] += 1
            return _fail(NO_RECORDING, f"there is no recording of {model} for {request.key!r}")
        text = self._problem.build_module(completion)
        found = extract_code(text, language="python")
        self.called.append(model)
        self.last_code = found.code
        output = {
            "text": text,
            "generated_code": found.code,
            "files": dict(found.files),
            "language": found.language,
            "model_used": model,
            "derived": {"maker": model},
        }
        return StepDone(output=output, model=model, cost_usd=self._prices.get(model))


def _fail(error_class: str, message: str) -> StepDone:
    return StepDone(error={"class": error_class, "message": message})


def _describe(model: str, prices: Mapping[str, Decimal]) -> dict[str, JsonValue]:
    price = prices.get(model)
    return {
        "model": model,
        "maker": model,
        "reason": "named by the evaluation",
        "expected_usd": None if price is None else float(price),
    }
