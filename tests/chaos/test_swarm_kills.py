"""Deaths at the steps of an AUTO with a child task; `scripts/chaos --swarms` has all of them."""

import pytest

from protocol.records import NewTask
from tests.chaos.step_kills import Victim, kill_at_every_step_of_swarms, report_steps
from tests.support.servers.postgres import state_directory

pytestmark = pytest.mark.chaos

REST = (None,) * 5
VICTIMS = (Victim.GATEWAY, *REST, Victim.HOLDER, *REST, *REST, *REST)
SWARM = NewTask(type="AUTO", prompt="Write a palindrome check")


async def test_a_swarm_finishes_and_is_read_and_pays_nothing_twice_whoever_dies() -> None:
    with state_directory() as home:
        result, hits = await kill_at_every_step_of_swarms(
            home, [VICTIMS], print, speed=20.0, swarms=[[SWARM]]
        )

    print(*report_steps(result.history, hits), sep="\n")
    assert {law: cases for law, cases in result.broken.items() if cases} == {}
    assert {each.status for each in result.history.tasks.values()} == {"completed"}
    # A run in which nobody died would be clean as well.
    assert {each.victim for each in hits} == {Victim.GATEWAY, Victim.HOLDER}
    keys = {each.key for each in result.history.subtasks.values() if each.status == "completed"}
    assert {"proposal", "steps/palindrome", "steps/report", "draft", "check"} <= keys
