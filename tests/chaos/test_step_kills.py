"""Deaths at the steps of two workflows; `scripts/chaos --steps` has one at every step."""

import pytest

from tests.chaos.step_kills import Victim, kill_at_every_step, report_steps
from tests.support.servers.postgres import state_directory

pytestmark = pytest.mark.chaos

REST = (None,) * 5
VICTIMS = (Victim.HOLDER, *REST, Victim.POSTGRES, *REST)


async def test_workflows_finish_and_pay_nothing_twice_whoever_dies_at_each_step() -> None:
    with state_directory() as home:
        result, hits = await kill_at_every_step(home, [VICTIMS], print, speed=20.0)

    print(*report_steps(result.history, hits), sep="\n")
    history = result.history
    assert {law: cases for law, cases in result.broken.items() if cases} == {}
    assert {each.status for each in history.tasks.values()} == {"completed"}
    # A run in which nobody died would be clean as well.
    assert {each.victim for each in hits} == {Victim.HOLDER, Victim.POSTGRES}
    assert {each.victim for each in hits if each.kind == "turn"} == {Victim.HOLDER, Victim.POSTGRES}
    [turns] = history.turns.values()
    assert sum(each.kind == "answer" for each in turns) == 3
    assert len(history.runs) >= 3
    # The draft was repaired, others tried, and child tasks, the answer and the event waited for.
    keys = {each.key for each in history.subtasks.values() if each.status == "completed"}
    assert {"check", "repair", "draft#2", "left", "publish", "start", "whole"} <= keys
