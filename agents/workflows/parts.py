"""What each participant of a swarm has said: `parts` and `responses` in the result of its task."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from agents.workflows.engine import Step, StepFailed
from agents.workflows.engine.readers import find_step_model, read_output

COMPLETE: Final = "complete"
FAILED: Final = "failed"


class SwarmPart(BaseModel):
    """What one participant has said, or why it has said nothing."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    agent: str
    """Its name within the task: the key of its step, or what the workflow calls it."""
    role: str | None = None
    """For which its model was selected, such as `debate_1` or `critic`."""
    model: str | None = None
    text: str = ""
    perspective: str | None = None
    status: Literal["complete", "failed"] = FAILED
    error: dict[str, JsonValue] | None = None
    """`class` and `message`."""
    cost_usd: float | None = None
    """None if unknown."""

    def to_json(self) -> dict[str, JsonValue]:
        """Return it for the output of a result, without the keys that only some parts have."""
        unset = {name for name in ("perspective", "error") if getattr(self, name) is None}
        return self.model_dump(exclude=unset)


class Parts:
    """The parts of a swarm, in the order in which its participants appear.

    They are built of steps that have ended, so a swarm awaits its last step instead of handing
    over to it.
    """

    def __init__(self) -> None:
        self._parts: list[SwarmPart] = []

    def add(
        self,
        step: Step[Any],
        *,
        agent: str | None = None,
        role: str | None = None,
        text: str | None = None,
        perspective: str | None = None,
        problem: StepFailed | None = None,
        later: Sequence[Step[Any]] = (),
    ) -> SwarmPart:
        """Add the part of a step that has ended, and return it.

        Without `text` it is that of the step's output; of data, give a text that people can read.
        `problem` is why an answer cannot be used though the step completed. The costs of `later`
        steps of the same participant are added.
        """
        error = describe_step_failure(step, problem)
        said = read_output(step).get("text") if text is None else text
        costs = [each.record.cost_usd if each.record else None for each in (step, *later)]
        known = [each for each in costs if each is not None]
        part = SwarmPart(
            agent=agent or step.key,
            role=role or step.role,
            model=find_step_model(step),
            text=said if isinstance(said, str) and error is None else "",
            perspective=perspective,
            status=COMPLETE if error is None else FAILED,
            error=error,
            cost_usd=float(sum(known)) if len(known) == len(costs) else None,
        )
        self._parts.append(part)
        return part

    def add_child(self, step: Step[Any], *, agent: str | None = None, role: str) -> None:
        """Add the parts of a child task that is a swarm itself, else the one part of the task.

        The names of the child's participants begin with that of the child: `review/verdict`.
        """
        name = agent or step.key
        theirs = read_output(step).get("parts")
        found = map(read_part, theirs) if isinstance(theirs, list) else ()
        parts = [each for each in found if each is not None]
        if not parts or step.error is not None:
            self.add(step, agent=name, role=role)
        self._parts += [each.model_copy(update={"agent": f"{name}/{each.agent}"}) for each in parts]

    def list_responses(self) -> list[str]:
        """Return the text of each complete part below the name of its participant and model."""
        return [
            f"{each.agent} ({each.model or 'unknown model'})\n\n{each.text}"
            for each in self._parts
            if each.status == COMPLETE
        ]

    def build_output(
        self, text: str, *, responses: list[str] | None = None
    ) -> dict[str, JsonValue]:
        """Return `parts` and `responses` for the output of a result with this text."""
        shown: list[JsonValue] = [*([text] if responses is None else responses)]
        return {"parts": [each.to_json() for each in self._parts], "responses": shown}


def describe_step_failure(
    step: Step[Any], problem: StepFailed | None = None
) -> dict[str, JsonValue] | None:
    """Return why a step has given nothing that can be used, as `class` and `message`, or None."""
    error = problem if problem is not None else step.error
    if error is None:
        return None
    if isinstance(error, StepFailed):
        return {"class": error.error_class, "message": error.message}
    return {"class": "workflow_error", "message": str(error)}


def read_part(value: object) -> SwarmPart | None:
    """Return a part in an output, which anybody's workflow may have built; None if it is none."""
    try:
        return SwarmPart.model_validate(value)
    except ValidationError:
        return None
