"""The answer cache: which answers are kept, for whom, and how they come back."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.executor.answer_cache import AnswerCache
from agents.executor.request import build_request
from protocol.ids import utc_now
from protocol.records.models import CachedAnswer
from protocol.transport.store.cache import SupabaseAnswerCacheStore
from providers.chat import Tool
from providers.chat_response import collect_response
from tests.support.agents.fake_store import AWAY
from tests.support.agents.subtasks import a_subtask

ALICE, BOB = uuid4(), uuid4()


class Away(SupabaseAnswerCacheStore):
    def __init__(self) -> None:
        pass

    async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
        raise AWAY

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        raise AWAY


def key(
    owner: UUID = ALICE, *, cache: object = True, simulated: bool = False, **options: Any
) -> str | None:
    params = {"generation_prompt": options.pop("prompt", "Write is_prime(n)")}
    params |= options.pop("params", {})
    lane = options.pop("lane", "claude-sonnet-5-5")
    task = {"owner": str(owner), "params": {} if cache is None else {"cache": cache}}
    claimed = a_subtask(task, params=params, lane=lane)
    return AnswerCache(Away(), **options).build_key(
        claimed, build_request(claimed), simulated=simulated
    )


def test_the_same_question_of_the_same_owner_is_the_same() -> None:
    assert key() is not None
    assert key() == key()


@pytest.mark.parametrize(
    "other",
    [
        {"owner": BOB},
        {"prompt": "Write is_odd(n)"},
        {"lane": "gpt-6.1-sol"},
        {"simulated": True},
        {"params": {"response_schema": {"type": "object"}}},
    ],
)
def test_another_owner_prompt_model_or_schema_or_the_simulator_finds_nothing(
    other: dict[str, Any],
) -> None:
    assert key(**other) != key()


def test_answers_that_follow_different_schemas_are_never_the_same() -> None:
    schemas: list[dict[str, Any]] = [
        {"type": "object"},
        {"type": "object", "properties": {"n": {"type": "integer"}}},
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0}}},
        {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
        {"type": "object", "properties": {"n": {"enum": ["1"]}}},
        {"type": "object", "properties": {"n": {"enum": [1]}}},
        {"type": "array"},
    ]

    keys = {key(params={"response_schema": each}) for each in schemas}

    assert None not in keys
    assert len(keys) == len(schemas)


def test_an_answer_for_which_a_model_may_call_tools_or_search_is_never_kept() -> None:
    params = {"generation_prompt": "Look it up."}
    task = {"owner": str(ALICE), "params": {"cache": True}}
    claimed = a_subtask(task, params=params)
    request = build_request(claimed)
    lookup = Tool(name="lookup", description="", parameters={"type": "object"})
    cache = AnswerCache(Away())

    assert cache.build_key(claimed, request, simulated=False) is not None
    for changed in (replace(request, tools=(lookup,)), replace(request, web_search=True)):
        assert cache.build_key(claimed, changed, simulated=False) is None


def test_owners_share_only_where_the_operator_says_so() -> None:
    assert key(BOB, shared=True) == key(ALICE, shared=True)


def test_it_is_asked_for_by_the_task_or_by_the_operator_and_the_task_may_refuse() -> None:
    assert key(cache=None) is None
    assert key(cache="yes") is None
    assert key(cache=None, always=True) is not None
    assert key(cache=False, always=True) is None


async def test_a_store_that_is_away_costs_a_call_and_no_task() -> None:
    cache = AnswerCache(Away())

    assert await cache.find("key") is None
    await cache.store("key", a_subtask(), {"text": "a"})


async def test_a_cached_answer_is_whole_and_marked_as_cached() -> None:
    class Kept(Away):
        async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
            answer = {"text": "a", "reasoning": "r", "vendor_finish_reason": "end_turn"}
            return CachedAnswer(answer=answer, created_at=utc_now())

    events = await AnswerCache(Kept()).find("key")

    assert events is not None
    answer = await collect_response(events)
    assert (answer.text, answer.reasoning) == ("a", "r")
    assert answer.usage is not None
    assert answer.usage.prompt == answer.usage.output == 0
    assert "cache" in answer.done.notes[-1]
