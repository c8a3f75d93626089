"""What has become of the steps of a plan so far. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from agents.workflows.engine import StepFailed
from agents.workflows.parts import Parts
from agents.workflows.planning.merging import MergedFiles, merge_files
from agents.workflows.planning.waves import list_needed
from agents.workflows.planning.whole import DoneStep, StepValue


@dataclass(slots=True, kw_only=True)
class PlanProgress:
    """The steps that were done, and those that were not, with the reason."""

    needs: Mapping[str, Collection[str]]
    """What each step builds on, in the order of the plan."""
    waves: Sequence[Sequence[str]]
    owners: Mapping[str, str] = field(default_factory=dict)
    """The step of each planned file."""
    parts: Parts = field(default_factory=Parts)
    notes: list[str] = field(default_factory=list)
    done: dict[str, DoneStep] = field(default_factory=dict)
    undone: dict[str, str] = field(default_factory=dict)
    failure: StepFailed | None = None
    """The first failure of a step."""

    def choose_ready(self, begun: Collection[str]) -> list[str]:
        """Return the steps that can begin now; note why others never will.

        Steps that need each other in a circle begin together when nothing else goes on.
        """
        self._leave_out_hopeless(begun)
        waiting = [name for name in self.needs if name not in begun and name not in self.undone]
        ready = [name for name in waiting if all(each in self.done for each in self.needs[name])]
        return ready if ready or self.list_running(begun) else waiting

    def list_running(self, begun: Collection[str]) -> list[str]:
        """Return the steps that have begun and not ended."""
        return [name for name in begun if name not in self.done and name not in self.undone]

    def list_open(self) -> list[str]:
        """Return the steps that have not ended, begun or not, in the order of the plan."""
        return [name for name in self.needs if name not in self.done and name not in self.undone]

    def _leave_out_hopeless(self, begun: Collection[str]) -> None:
        """Leave out the steps that need one that was not done, and those that need these."""
        for name in self.list_open():
            missing = [each for each in self.needs[name] if each in self.undone]
            if missing and name not in begun:
                self.leave_out(name, f"it needs {', '.join(missing)}")
                self._leave_out_hopeless(begun)
                return

    def keep(
        self, name: str, ended: StepValue | StepFailed, *, is_code: bool, interface: str = ""
    ) -> None:
        """Keep what a step has given, or why it was not done."""
        if isinstance(ended, StepFailed):
            self.failure = self.failure or ended
            self.leave_out(name, ended.message)
        else:
            self.done[name] = DoneStep(name=name, value=ended, is_code=is_code, interface=interface)

    def leave_out(self, name: str, why: str) -> None:
        """Note that a step was not done."""
        self.undone[name] = why
        self.notes.append(f"{name} was not done: {why}")

    def list_done(self) -> list[DoneStep]:
        """Return what was done, in the order of the plan."""
        return [self.done[name] for name in self.needs if name in self.done]

    def list_needed_results(self, name: str) -> list[DoneStep]:
        """Return what a step builds on directly."""
        return [self.done[each] for each in self.needs[name] if each in self.done]

    def merge_needed(self, name: str) -> dict[str, str]:
        """Return the files of everything that a step builds on."""
        return self.merge(list_needed(name, self.needs)).files

    def merge(self, names: Collection[str] | None = None) -> MergedFiles:
        """Return the files of these steps, or of all, as those of one program."""
        order = [name for wave in self.waves for name in wave]
        chosen = self.done if names is None else names
        return merge_files(
            [
                (name, self.done[name].files)
                for name in order
                if name in self.done and name in chosen
            ],
            owners=self.owners,
            builds_on={name: list_needed(name, self.needs) for name in self.needs},
        )
