"""The plan of a strategy as data, and as a text made of it. Pure."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from agents.workflows.swarms.positions import flatten, list_items

MAX_STEPS_OF_PLAN: Final = 100


class PlanStep(BaseModel):
    """One step of a plan."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=200)
    work: str
    """What is to do."""
    done_when: str
    """How one sees that it is done."""


class Challenge(BaseModel):
    """What may go wrong."""

    model_config = ConfigDict(extra="forbid")

    risk: str
    answer: str
    """What to do about it."""


class StrategicPlan(BaseModel):
    """A plan that somebody could carry out."""

    model_config = ConfigDict(extra="forbid")

    architecture: str = Field(min_length=1)
    """The approach, and how its parts hang together."""
    steps: list[PlanStep] = Field(min_length=1, max_length=MAX_STEPS_OF_PLAN)
    challenges: list[Challenge]
    resources: list[str]

    def to_text(self) -> str:
        """Return it for people."""
        steps = [
            f"{number}. **{flatten(each.title)}** {flatten(each.work)}"
            + (f" Done when: {flatten(each.done_when)}" if each.done_when.strip() else "")
            for number, each in enumerate(self.steps, start=1)
        ]
        risks = [f"{flatten(each.risk)} {flatten(each.answer)}" for each in self.challenges]
        parts = [
            f"## Architecture\n\n{self.architecture.strip()}",
            "\n".join(["## Steps", "", *steps]),
            list_items("## Challenges", risks),
            list_items("## Resources", self.resources),
        ]
        return "\n\n".join(filter(None, parts)) + "\n"
