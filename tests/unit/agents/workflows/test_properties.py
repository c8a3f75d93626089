"""Laws of the replay, for random workflows and random orders of the ends of their steps."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from agents.workflows.engine import (
    Advance,
    Finished,
    FlowFailed,
    Result,
    Run,
    StepFailed,
    StepRequest,
    Suspended,
    Work,
    Workflow,
    advance,
    workflow,
)
from cogo.testing import Played, World, fail_with, play
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

Program = list[Any]
"""Statements: a key to ask for, or `[how, parts]`; parts of a branch and a loop are statements."""

KEYS = st.sampled_from(["a", "b", "c", "bad", "bad2"])


def programs(names: Sequence[str] = ("all", "first", "settled")) -> st.SearchStrategy[Program]:
    """Return programs of about ten steps."""

    def extend(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        some = st.lists(parts, min_size=1, max_size=3)
        group = st.tuples(st.sampled_from(names), some)
        return st.one_of(group, st.tuples(st.sampled_from(["branch", "loop"]), some)).map(list)

    return st.lists(st.recursive(KEYS, extend, max_leaves=5), min_size=1, max_size=2)


def a_workflow(program: Program, *, version: str = "") -> Workflow:
    @workflow("RANDOM")
    async def interpret(run: Run) -> Result:
        return Result(repr(await run_program(run, program, version)))

    return interpret


async def run_program(run: Run, program: Program, version: str) -> Any:
    values: list[Any] = []
    for statement in program:
        try:
            values.append(show(await describe(run, statement, version)))
        except StepFailed as error:
            values.append(f"{error.key}: {error.error_class}")
        values.append(run.random.randrange(1000))
    return values


async def repeat(run: Run, program: Program, version: str) -> Any:
    return [await run_program(run, program, version) for _ in range(2)]


def describe(run: Run, part: Any, version: str) -> Work[Any]:
    if isinstance(part, str):
        return run.ask(part, version + run.prompt)
    how, parts = part
    if how == "branch":
        return run.branch("part", run_program(run, parts, version))
    if how == "loop":
        return run.branch("loop", repeat(run, parts, version))
    works = [describe(run, each, version) for each in parts]
    together: dict[str, Callable[..., Work[Any]]] = {
        "all": run.all,
        "first": run.first,
        "settled": run.settled,
    }
    return together[how](*works)


def show(value: Any) -> Any:
    match value:
        case Work():
            return value.key
        case list() | tuple():
            return [show(each) for each in value]
        case StepFailed():
            return f"{value.key}: {value.error_class}"
        case _:
            return getattr(value, "text", value)


def answer(request: StepRequest) -> Any:
    name = request.key.rpartition("/")[2]
    return fail_with("refused") if name.startswith("bad") else request.key


def play_randomly(program: Program, seed: int) -> Played:
    random = Random(seed)  # noqa: S311
    return play(a_workflow(program), answers=answer, choose=random.choice)


TASK = TaskBrief(id=UUID(int=1), type="RANDOM", prompt="Do it.", params={})


def cut(record: FlowRecord, ends: int) -> FlowRecord:
    """Return the record as it was after a number of ends, with all steps already asked for."""

    def reopen(step: StepRecord) -> StepRecord:
        if step.end_no is not None and step.end_no <= ends:
            return step
        return step.model_copy(
            update={"status": SubtaskState.QUEUED, "end_no": None, "not_needed": False}
        )

    return record.model_copy(update={"steps": [reopen(each) for each in record.steps]})


@given(program=programs(), seed=st.integers(0, 2**32))
def test_every_prefix_of_the_ends_gives_the_same_steps(program: Program, seed: int) -> None:
    played = play_randomly(program, seed)
    asked = {each.key: each.digest for each in played.steps}
    flow = a_workflow(program)

    for ends in range(len(played.record.steps) + 1):
        outcome = advance(flow, TASK, cut(played.record, ends))

        assert not getattr(outcome, "drift", [])
        if isinstance(outcome, Suspended):
            assert {each.key: each.digest for each in outcome.steps}.items() <= asked.items()
    assert advance(flow, TASK, played.record) == played.outcome


@given(program=programs(("all", "settled")), seeds=st.tuples(st.integers(), st.integers()))
def test_the_result_does_not_depend_on_the_order_of_ends_unless_the_first_counts(
    program: Program, seeds: tuple[int, int]
) -> None:
    one, other = (play_randomly(program, seed) for seed in seeds)

    failed = [isinstance(each.outcome, FlowFailed) for each in (one, other)]
    assert failed == [False, False]
    assert {each.key for each in one.steps} == {each.key for each in other.steps}


@given(program=programs(), seed=st.integers(0, 2**32))
def test_the_result_does_not_depend_on_how_ends_are_batched(program: Program, seed: int) -> None:
    """What happens between two replays is seen by the next one as if it had come one by one."""
    random = Random(seed)  # noqa: S311
    world = World(a_workflow(program), TASK, answer, {})
    outcomes: list[Advance] = []
    ends: list[int] = []
    while not outcomes or isinstance(outcomes[-1], Suspended):
        outcomes.append(world.advance())
        if isinstance(suspended := outcomes[-1], Suspended):
            world.record.suspend(suspended)
            ends.append(sum(each.end_no is not None for each in world.record.steps.values()))
            for _ in range(random.randint(1, 3)):
                if keys := world.record.list_open():
                    world.end(random.choice(keys))

    asked = {each.key for each in world.record.requests.values()}
    for count in ends:
        outcome = advance(world.workflow, TASK, cut(world.record.build_lease(), count))
        assert isinstance(outcome, Suspended)
        assert {each.key for each in outcome.steps} <= asked
    assert isinstance(outcomes[-1], Finished)
    assert advance(world.workflow, TASK, world.record.build_lease()) == outcomes[-1]


@given(program=programs(), seed=st.integers(0, 2**32), data=st.data())
def test_changed_code_never_repeats_recorded_work(
    program: Program, seed: int, data: st.DataObject
) -> None:
    played = play_randomly(program, seed)
    ends = data.draw(st.integers(0, len(played.record.steps)))
    record = cut(played.record, ends)

    outcome = advance(a_workflow(program, version="2. "), TASK, record)

    recorded = {each.key for each in record.steps}
    if isinstance(outcome, Suspended):
        assert recorded.isdisjoint(each.key for each in outcome.steps)
        assert {each.key for each in outcome.drift} <= recorded
    else:
        assert outcome.model_copy(update={"drift": []}) == played.outcome
