"""When tool calls began and ended, of the turns that are stored of them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.tasks.timeline import pair_tool_turns
from protocol.records import ToolTurn

STEP = UUID(int=1)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_turn(kind: str, second: float, call: str = "a", **more: object) -> ToolTurn:
    return ToolTurn(
        subtask_id=STEP,
        seq=int(second * 10) + 1,
        kind=kind,
        attempt=1,
        call_id=call,
        tool="search",
        created_at=NOON + timedelta(seconds=second),
        **more,
    )


def test_a_call_of_which_only_the_end_is_stored_began_as_long_before_as_it_ran() -> None:
    [run] = pair_tool_turns([a_turn("result", 5, status="ok", seconds=2.0)])

    assert (run.started_at, run.ended_at) == (
        NOON + timedelta(seconds=3),
        NOON + timedelta(seconds=5),
    )
    assert run.status == "ok"


def test_a_stored_beginning_counts_and_a_call_without_an_end_runs() -> None:
    turns = [a_turn("begun", 1), a_turn("begun", 2, "b"), a_turn("result", 9, status="error")]

    ended, running = pair_tool_turns(turns)

    assert (ended.call_id, ended.started_at) == ("a", NOON + timedelta(seconds=1))
    assert (running.call_id, running.ended_at, running.status) == ("b", None, None)


@given(st.lists(st.tuples(st.sampled_from(["begun", "result"]), st.sampled_from("abc"))))
def test_no_end_is_lost(kinds: list[tuple[str, str]]) -> None:
    turns = [a_turn(kind, second, call) for second, (kind, call) in enumerate(kinds)]

    runs = pair_tool_turns(turns)

    ends = [each for each in turns if each.kind == "result"]
    assert sorted(each.created_at for each in ends) == sorted(
        each.ended_at for each in runs if each.ended_at
    )
    assert [each.started_at for each in runs] == sorted(each.started_at for each in runs)
