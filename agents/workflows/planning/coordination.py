"""The state of a COORDINATE: what is known of the work so far, and its result. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.workflows.engine import Result, StepFailed
from agents.workflows.parts import Parts
from agents.workflows.planning.blueprint import ArrangedPlan, PlannedPart
from agents.workflows.planning.interfaces import show_files
from agents.workflows.planning.merging import MergedFiles, merge_files
from agents.workflows.planning.waves import list_needed
from agents.workflows.planning.whole import (
    DonePart,
    PartValue,
    WholeCheck,
    build_whole_verification,
    compose_text,
)


@dataclass(slots=True, kw_only=True)
class Coordination:
    """What is known of the work so far."""

    plan: ArrangedPlan
    parts: Parts
    notes: list[str]
    done: dict[str, DonePart] = field(default_factory=dict)
    undone: dict[str, str] = field(default_factory=dict)
    """Why parts were not done."""
    text: str = ""
    """The result, if it is a text."""

    def list_done(self) -> list[DonePart]:
        """Return the parts that were done, in the order of the plan."""
        return [self.done[name] for name in self.plan.parts if name in self.done]

    def choose_ready(self, names: Sequence[str]) -> list[PlannedPart]:
        """Return those of the parts that have what they need; note why others are not done."""
        ready = []
        for name in names:
            part = self.plan.parts[name]
            missing = [each for each in part.needs if each in self.undone]
            if missing:
                self.undone[name] = f"it needs {', '.join(missing)}"
            else:
                ready.append(part)
        return ready

    def keep(self, part: PlannedPart, ended: PartValue | StepFailed) -> None:
        """Keep what a part has given, or why it was not done."""
        if isinstance(ended, StepFailed):
            self.undone[part.name] = ended.message
            return
        is_code = part.kind == "code"
        self.done[part.name] = DonePart(
            name=part.name, value=ended, is_code=is_code, interface=part.interface
        )

    def merge(self, names: Sequence[str] | None = None) -> MergedFiles:
        """Return the files of these parts, or of all, as those of one program."""
        chosen = self.plan.parts if names is None else names
        order = [name for wave in self.plan.waves for name in wave if name in chosen]
        needs = self.plan.needs
        return merge_files(
            [(name, self.done[name].files) for name in order if name in self.done],
            owners=self.plan.owners,
            builds_on={name: list_needed(name, needs) for name in needs},
        )

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
            planned = self.plan.parts
            missing = {
                name: why for name, why in self.undone.items() if planned[name].kind == "code"
            }
            verification = build_whole_verification(check, self.list_done(), missing)
            text = compose_text(self.list_done(), check.files, verification)
            output = {"files": dict(check.files), "verification": verification}
            if len(check.files) == 1:
                output["generated_code"] = next(iter(check.files.values()))
        parts = [each.model_dump() for each in self.plan.parts.values()]
        output["plan"] = {"approach": self.plan.approach, "parts": parts}
        output |= {**self.parts.build_output(text), "notes": [*self.notes]}
        return Result(text, output=output)
