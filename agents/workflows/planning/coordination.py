"""The state of a COORDINATE: what is known of the work so far, and its result. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.workflows.engine import Result, Step
from agents.workflows.planning.blueprint import ArrangedPlan
from agents.workflows.planning.interfaces import show_files
from agents.workflows.planning.plan_progress import PlanProgress
from agents.workflows.planning.whole import (
    StepValue,
    WholeCheck,
    build_whole_verification,
    compose_text,
)


@dataclass(slots=True, kw_only=True)
class Coordination(PlanProgress):
    """What is known of the work so far."""

    plan: ArrangedPlan
    text: str = ""
    """The result, if it is a text."""
    steps: Mapping[str, Step[StepValue]] = field(default_factory=dict)
    """The steps that have done the pieces, by their names."""

    def show(self, check: WholeCheck) -> str:
        """Return the result for models that judge it."""
        texts = [each.show() for each in self.list_done() if not each.files]
        missing = [f"Not done: {name} ({why})" for name, why in self.undone.items()]
        said = self.text or "\n\n".join(texts)
        return "\n\n".join([said, show_files(check.files), *missing]).strip()

    def build_result(self, check: WholeCheck) -> Result:
        """Return the result of the task."""
        text, output = self.text, dict[str, Any]()
        if check.files:
            planned = self.plan.pieces
            missing = {
                name: why for name, why in self.undone.items() if planned[name].kind == "code"
            }
            verification = build_whole_verification(check, self.list_done(), missing)
            text = compose_text(self.list_done(), check.files, verification)
            output = {"files": dict(check.files), "verification": verification}
            if len(check.files) == 1:
                output["generated_code"] = next(iter(check.files.values()))
        parts = [each.model_dump() for each in self.plan.pieces.values()]
        output["plan"] = {"approach": self.plan.approach, "parts": parts}
        output |= {**self.parts.build_output(text), "notes": [*self.notes]}
        return Result(text, output=output)
