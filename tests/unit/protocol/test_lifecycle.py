from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from protocol.lifecycle import SUBTASK_TRANSITIONS, TASK_TRANSITIONS, SubtaskState, TaskState

Moves = Mapping[Any, frozenset[Any]]

REDRIVES = {
    (TaskState.FAILED, TaskState.PENDING),
    (TaskState.FAILED, TaskState.RUNNING),
    (SubtaskState.FAILED, SubtaskState.QUEUED),
    (SubtaskState.FAILED, SubtaskState.DELAYED),
    (SubtaskState.FAILED, SubtaskState.WAITING),
    (SubtaskState.CANCELLED, SubtaskState.BLOCKED),
    (SubtaskState.CANCELLED, SubtaskState.QUEUED),
}
FINAL = {"completed", "failed", "cancelled"}
BOTH = pytest.mark.parametrize(
    ("moves", "states"), [(TASK_TRANSITIONS, TaskState), (SUBTASK_TRANSITIONS, SubtaskState)]
)


@BOTH
def test_every_state_has_its_transitions_and_none_leads_to_itself(
    moves: Moves, states: type[StrEnum]
) -> None:
    assert set(moves) == set(states)
    assert not [state for state in states if state in moves[state]]


@BOTH
def test_only_a_redrive_leads_out_of_a_final_state(moves: Moves, states: type[StrEnum]) -> None:
    out = {(state, to) for state in states if state in FINAL for to in moves[state]}

    assert out == {move for move in REDRIVES if isinstance(move[0], states)}


@pytest.mark.parametrize(
    ("moves", "starts"),
    [(TASK_TRANSITIONS, {TaskState.PENDING}), (SUBTASK_TRANSITIONS, {SubtaskState.BLOCKED})],
)
def test_every_state_can_be_reached_from_the_first(moves: Moves, starts: set[StrEnum]) -> None:
    reached: set[StrEnum] = set()
    waiting = set(starts)
    while waiting:
        state = waiting.pop()
        reached.add(state)
        waiting |= moves[state] - reached

    assert reached == set(moves)


@BOTH
def test_every_state_that_is_not_final_can_be_cancelled(
    moves: Moves, states: type[StrEnum]
) -> None:
    for state in states:
        assert ("cancelled" in moves[state]) == (state not in FINAL), state


def test_work_is_completed_by_running_or_by_what_it_waits_for() -> None:
    assert [state for state, to in TASK_TRANSITIONS.items() if "completed" in to] == [
        TaskState.RUNNING
    ]
    assert {state for state, to in SUBTASK_TRANSITIONS.items() if "completed" in to} == {
        SubtaskState.RUNNING,
        SubtaskState.WAITING,
        SubtaskState.DELAYED,
        SubtaskState.HELD,
    }


def test_a_task_is_final_when_nothing_more_happens_by_itself() -> None:
    assert {state for state in TaskState if state.is_final} == FINAL
