"""What a workflow can await: steps, branches, and several of them together."""

import inspect
from collections.abc import Callable, Coroutine, Generator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from pydantic import JsonValue

from agents.workflows.engine.errors import NotNeeded, StepFailed, WorkflowInvalid
from protocol.records.flows import StepKind, StepRecord

T_co = TypeVar("T_co", covariant=True)


class Driver(Protocol):
    """The replay, as far as work needs it."""

    def begin(self, work: "Work[Any]") -> None:
        """Begin work, unless it has begun."""

    def consume(self, work: "Work[Any]") -> Any:
        """Return the value of work that is done, or raise its error."""

    def cancel(self, work: "Work[Any]") -> None:
        """End work that is not needed any more."""


class Work(Generic[T_co]):
    """Something that a workflow can await. It begins when it is awaited, not when described."""

    key: str = ""
    is_begun = False
    is_done = False
    end = 0
    """The number of the end with which it was done: the time of the replay."""
    value: Any = None
    error: Exception | None = None

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.waiters: list[Any] = []
        """Groups and coroutines that continue when it is done."""

    def __await__(self) -> Generator["Work[Any]", None, T_co]:
        """Begin it, wait for its end and return its value."""
        self._driver.begin(self)
        if not self.is_done:
            yield self
        value: T_co = self._driver.consume(self)
        return value


class Step(Work[T_co]):
    """One unit of work that others do: described here, begun by `await`, `all`, `first` ..."""

    def __init__(
        self,
        driver: Driver,
        *,
        kind: StepKind,
        request: dict[str, JsonValue],
        read: Callable[[StepRecord], T_co],
        role: str | None = None,
        answer: bool = False,
    ) -> None:
        super().__init__(driver)
        self.kind = kind
        self.request = request
        self.read = read
        self.role = role
        self.answer = answer
        self.record: StepRecord | None = None

    def __repr__(self) -> str:
        """Return the kind and the key."""
        return f"<step {self.key!r}, {self.kind}>"

    def fail_if_late(self) -> None:
        """Make a step that was cancelled because it took too long one that failed for that."""
        if isinstance(self.error, NotNeeded):
            self.error = StepFailed(self.key, "timeout", "it took too long and was not waited for")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Explain the usual cause of a missing attribute."""
            raise AttributeError(
                f"a step has no {name!r}, its value may: await step {self.__dict__.get('key')!r}"
            )


class Branch(Work[T_co]):
    """A part of a workflow that runs beside others. Keys of its steps begin with its name."""

    def __init__(self, driver: Driver, coroutine: Coroutine[Any, Any, T_co]) -> None:
        super().__init__(driver)
        self.coroutine = coroutine

    def __repr__(self) -> str:
        """Return the key."""
        return f"<branch {self.key!r}>"


class StepGroup(Work[T_co]):
    """Several pieces of work that are awaited together."""

    def __init__(self, driver: Driver, members: Sequence[Work[Any]]) -> None:
        super().__init__(driver)
        self.members = tuple(members)

    def resolve(self) -> bool:
        """Set the value or the error if both are known; return whether they are."""
        raise NotImplementedError

    def list_pending(self) -> list[Work[Any]]:
        """Return the members that are not done."""
        return [each for each in self.members if not each.is_done]

    def _list_by_end(self) -> list[Work[Any]]:
        """Return the members that are done, in the order of their ends."""
        return sorted((each for each in self.members if each.is_done), key=attrgetter("end"))


class AllOf(StepGroup[T_co]):
    """The values of all; after every end, the failure that was first is raised."""

    def resolve(self) -> bool:
        """Set the value or the error if every member is done."""
        if any(not each.is_done for each in self.members):
            return False
        self.error = next((each.error for each in self._list_by_end() if each.error), None)
        self.value = tuple(each.value for each in self.members)
        return True


class SettledOf(StepGroup[T_co]):
    """The value or the failure of each. Errors of the workflow itself are raised."""

    def resolve(self) -> bool:
        """Set the values if every member is done."""
        if any(not each.is_done for each in self.members):
            return False
        self.error = next(filter(_is_defect, (each.error for each in self._list_by_end())), None)
        self.value = [each.error or each.value for each in self.members]
        return True


class FirstOf(StepGroup[T_co]):
    """The first success, with its value; the others are cancelled."""

    def resolve(self) -> bool:
        """Set the value at the first success, the error if all failed, and cancel the others."""
        by_end = self._list_by_end()
        won = next((each for each in by_end if each.error is None), None)
        defect = next(filter(_is_defect, (each.error for each in by_end)), None)
        if won is not None:
            self.value = (won, won.value)
        elif defect is not None or len(by_end) == len(self.members):
            self.error = defect or by_end[0].error
        else:
            return False
        for each in self.list_pending():
            self._driver.cancel(each)
        return True


def _is_defect(error: Exception | None) -> bool:
    """Return whether an error is none of a step: a mistake in the workflow."""
    return error is not None and not isinstance(error, StepFailed)


def check_members(members: Sequence[object]) -> None:
    """Raise WorkflowInvalid for what cannot be awaited, which workflows without types may give."""
    for each in members:
        if not isinstance(each, Work):
            if inspect.iscoroutine(each):
                each.close()
            raise WorkflowInvalid(
                f"{type(each).__name__} is no step; give a coroutine as "
                'run.branch("name", coroutine)'
            )


def describe_wakes(work: Work[Any]) -> list[list[Step[Any]]]:
    """Return the sets of steps of which one must have ended before who waits can go on.

    A branch is waited for through its own steps, so it adds none.
    """
    match work:
        case Step():
            return [[work]]
        case FirstOf():
            return [wake for each in work.list_pending() for wake in describe_wakes(each)]
        case StepGroup():
            pending = work.list_pending()
            if all(map(_is_plain, pending)):
                return [[step for each in pending for step in describe_wakes(each)[0]]]
            return [
                wake for each in pending if not _is_plain(each) for wake in describe_wakes(each)
            ]
        case _:
            return []


def _is_plain(work: Work[Any]) -> bool:
    """Return whether work goes on only when all of its open steps have ended."""
    if isinstance(work, StepGroup) and not isinstance(work, FirstOf):
        return all(map(_is_plain, work.list_pending()))
    return isinstance(work, Step)
