"""What became of models' calls of tools, from attempts that ended."""

from typing import Any

import pytest

from tests.support.sql.agent import Agent, Row
from tests.support.sql.outcomes import answered, failed, outcome, used

pytestmark = pytest.mark.db

NAMES = ("called", "calls_repaired", "calls_rejected", "calls_as_text", "calls_failed")
BAD_CALLS = {"class": "bad_tool_calls", "message": "no call could be run", "retryable": False}


async def call(agent: Agent, calls: Any, **fields: Any) -> None:
    usage = used("model-a", derived={"calls": calls})
    await answered(agent, "model-a", usage=usage, **fields)


async def read(agent: Agent) -> tuple[Any, ...]:
    found = await outcome(agent, "model-a")
    return tuple(found.get(name) for name in NAMES)


def counts(clean: int = 0, repaired: int = 0, text: int = 0, **rejected: int) -> Row:
    return {"clean": clean, "repaired": repaired, "text": text, "rejected": rejected}


async def test_shares_are_of_the_mean_attempt_with_calls(agent: Agent) -> None:
    await call(agent, counts(clean=2, repaired=1, text=4, schema=1))
    await call(agent, counts(clean=99))
    await call(agent, {})
    await answered(agent, "model-a")

    assert await read(agent) == (2, 0.12, 0.12, 0.5, 0)
    assert (await outcome(agent, "model-a"))["answered"] == 4


async def test_an_attempt_that_failed_by_its_calls_counts_and_is_judged(agent: Agent) -> None:
    await call(agent, counts(clean=1), output={"text": "x", "tools_used": [{"tool": "a"}]})
    await failed(agent, "model-a", error=BAD_CALLS)

    assert await read(agent) == (2, 0, 0.5, 0, 0.5)
    found = await outcome(agent, "model-a")
    assert found["answered"] == 1, "what a failure took is not what an answer takes"
    assert found["sources"] == {"tools": 1.2}
    assert (found["judged"], found["good"]) == (1.2, 0.2)


async def test_a_model_that_only_failed_so_is_known_too(agent: Agent) -> None:
    await failed(agent, "model-a", error=BAD_CALLS)

    assert await read(agent) == (1, 0, 1, 0, 1)
    assert (await outcome(agent, "model-a"))["answered"] == 0


HOSTILE: list[Any] = [
    None, 7, "x", [], [[]], {"clean": 1e300}, {"clean": -1}, {"clean": "5"}, {"clean": True},
    {"clean": 10**400}, {"clean": [3]}, {"rejected": 5}, {"rejected": [1, 2]},
    {"rejected": {"schema": "a", "x": -3, "y": 1e99, "z": None}}, {"text": 4},
    {"clean": {"clean": {"clean": 1}}}, {"rejected": {str(n): "no" for n in range(2_000)}},
]  # fmt: skip


@pytest.mark.parametrize("calls", HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
async def test_counts_that_are_none_harm_nothing(agent: Agent, calls: Any) -> None:
    await call(agent, calls)
    await call(agent, counts(clean=1))

    assert await read(agent) == (1, 0, 0, 0, 0)


async def test_one_attempt_counts_as_one_however_many_calls_it_reports(agent: Agent) -> None:
    await call(agent, counts(schema=10_000, truncated=10_000, text=9_999))
    for _ in range(3):
        await call(agent, counts(clean=1))

    assert await read(agent) == (4, 0, 0.25, 0.12, 0)


async def test_simulated_calls_do_not_count(agent: Agent) -> None:
    usage = used("model-a", simulated=True, derived={"calls": counts(schema=1)})
    await answered(agent, "model-a", usage=usage, simulated=True)

    assert await read(agent) == (None,) * 5
