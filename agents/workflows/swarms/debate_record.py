"""The record of a debate: who has said what so far. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import JsonValue

from agents.workflows.engine import Answer, Run, Step, StepFailed
from agents.workflows.engine.readers import read_answer
from agents.workflows.swarms.agreement import (
    Comparison,
    group_verdicts,
    normalize_verdict,
    read_groups,
    score_agreement,
)
from agents.workflows.swarms.casting import JUDGES, Cast
from agents.workflows.swarms.positions import Position, Reply, Ruling


class DebateRecord:
    """What has happened in a debate, by the names of its participants."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.notes = list(cast.notes)
        self.positions: dict[str, Position] = {}
        """The latest of each debater that has one."""
        self.opened: Mapping[str, Position] = {}
        """The independent ones."""
        self.failures: dict[str, StepFailed] = {}
        self.openings: Mapping[str, Step[Position]] = {}
        self.replies: Mapping[str, Step[Reply]] = {}
        self.comparison: Step[Comparison] | None = None
        self.verdicts: list[Step[Ruling]] = []
        """One for each judge that was asked."""
        self.shown: Sequence[str] = ()
        """The debaters in the order in which the judge has read them."""
        self._groups: list[int] = []

    def open(
        self, steps: Mapping[str, Step[Position]], ended: Iterable[Position | StepFailed]
    ) -> None:
        """Add the independent positions. Raises StepFailed if there is none."""
        self.openings = steps
        for name, each in zip(steps, ended, strict=True):
            if isinstance(each, StepFailed):
                self.failures[name] = each
                self.notes.append(f"A debater could not answer ({name}): {each.message}")
            else:
                self.positions[name] = each
        if not self.positions:
            raise next(iter(self.failures.values()))
        self.opened = dict(self.positions)
        self._groups = group_verdicts(self.list_verdicts())

    def compare(self, step: Step[Comparison], ended: Comparison | StepFailed) -> None:
        """Add which positions say the same, if the comparison can be used."""
        self.comparison = step
        if isinstance(ended, StepFailed):
            self.notes.append(f"Nobody compared the answers: {ended.message}")
        elif groups := read_groups(ended, self.list_verdicts()):
            self._groups = groups
        else:
            self.notes.append("The comparison of the answers cannot be right, so it is not used.")

    def close(self, steps: Mapping[str, Step[Reply]], ended: Iterable[Reply | StepFailed]) -> None:
        """Add the positions after the others were read; who gives none keeps the first."""
        self.replies = steps
        for name, each in zip(steps, ended, strict=True):
            if isinstance(each, StepFailed):
                self.notes.append(f"A debater did not reply ({name}): {each.message}")
            else:
                self.positions[name] = each

    def add_verdict(self, step: Step[Ruling], ended: Ruling | StepFailed) -> None:
        """Add what a judge has decided, or why it has not."""
        self.verdicts.append(step)
        if isinstance(ended, StepFailed):
            self.notes.append(f"A judge did not decide the debate: {ended.message}")

    @property
    def is_agreed(self) -> bool:
        """Whether all independent positions say the same."""
        return len(set(self._groups)) == 1

    def score_openings(self) -> list[tuple[Answer, float]]:
        """Return which independent positions are held by most, as scores of their answers.

        Models that spoke for two do not agree with themselves, so then there are none.
        """
        scores = score_agreement(self._groups)
        records = [self.openings[name].record for name in self.opened]
        answers = [read_answer(each) for each in records if each is not None]
        models = {each.model for each in answers}
        if scores is None or len(models) < len(scores):
            return []
        return [*zip(answers, scores, strict=True)]

    def list_verdicts(self) -> list[str]:
        """Return the verdicts of the latest positions."""
        return [each.verdict for each in self.positions.values()]

    def list_others(self, name: str | None = None) -> list[str]:
        """Return the models of the other debaters, also those that stand in for one."""
        others = [other for other in self.cast.debaters if other != name]
        models = [
            *(self.cast.debaters[each].model for each in others),
            *map(self.get_model, others),
        ]
        return list(dict.fromkeys(models))

    def get_model(self, name: str) -> str:
        """Return the model that speaks for a debater: another one if its own has failed."""
        for steps in (self.replies, self.openings):
            step = steps.get(name)
            if step is not None and step.error is None and step.record is not None:
                return read_answer(step.record).model or self.cast.debaters[name].model
        return self.cast.debaters[name].model

    def list_judges(self) -> list[str | None]:
        """Return the models that judge in turn, without those that spoke for a debater.

        None is for a model that is still to be chosen, if all of them did.
        """
        spoke = {self.get_model(name) for name in self.positions}
        left = [each for each in self.cast.judges if each not in spoke]
        return [*left[: len(JUDGES)]] if left or not self.cast.judges else [None]

    def list_steps(self) -> list[Step[Position] | Step[Reply] | Step[Comparison] | Step[Ruling]]:
        """Return the calls of the debate."""
        compared = [self.comparison] if self.comparison is not None else []
        return [*self.openings.values(), *self.replies.values(), *compared, *self.verdicts]

    def can_pay_round(self, run: Run) -> bool:
        """Return whether the budget allows a decision and another round as dear as the first."""
        left, budget = run.budget_left, run.brief.budget_usd
        if left is None or budget is None or left >= (budget - left) * 4 / 3:
            return True
        self.notes.append("The budget did not allow a second round.")
        return False

    def show_to_judge(self, order: Sequence[str]) -> dict[int, JsonValue]:
        """Return the positions by number, in this order, with what they were before."""
        self.shown = order
        shown: dict[int, JsonValue] = {}
        for number, name in enumerate(order, start=1):
            position = self.positions[name].to_data()
            if self.has_changed(name):
                position["before"] = self.opened[name].verdict
            shown[number] = position
        return shown

    def has_changed(self, name: str) -> bool:
        """Return whether a debater came to another verdict when the others were read."""
        before, after = self.opened[name].verdict, self.positions[name].verdict
        return normalize_verdict(before) != normalize_verdict(after)
