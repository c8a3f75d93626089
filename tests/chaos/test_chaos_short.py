"""Half a minute of chaos in every test run; `scripts/chaos` is the long form."""

from itertools import chain

import pytest

from tests.chaos.faults import SHARES, Kind
from tests.chaos.report import recoveries, summary
from tests.chaos.run import Size, run
from tests.support.servers.postgres import state_directory

pytestmark = pytest.mark.chaos

SIZE = Size(
    seed=4,
    tasks=60,
    faults=24,
    seconds=12.0,
    speed=4.0,
    # A stall is noticed after a minute: too late for this form.
    shares={kind: share for kind, share in SHARES.items() if kind is not Kind.VENDOR_STALL},
)


async def test_each_task_ends_once_and_with_a_reason_whatever_dies() -> None:
    with state_directory() as home:
        result = await run(home, SIZE, print)

    history, diary = result.history, result.diary
    print(*chain(summary(history, diary), recoveries(history, diary)), sep="\n")
    assert {law: cases for law, cases in result.broken.items() if cases} == {}
    # A run in which nothing was hit would be clean as well.
    roots = [each for each in history.tasks.values() if each.parent_id is None]
    assert len({each.task_id for each in diary.submitted}) == len(roots) == SIZE.tasks
    assert history.children
    assert {each.source for each in history.judgements} >= {"form", "run", "review"}
    assert len(diary.struck) == SIZE.faults
    assert {each.kind for each in diary.struck} == SIZE.shares.keys() if SIZE.shares else False
    outcomes = [each.outcome for attempts in history.attempts.values() for each in attempts]
    assert outcomes.count("failed") > 0
    assert len(diary.replayed) > 0
    assert [ack.answer for ack in history.acks].count("ok") > SIZE.tasks
