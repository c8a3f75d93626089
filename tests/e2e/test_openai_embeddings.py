"""The embeddings of OpenAI's API, through its own client, and the same from SQL."""

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, TaskFilter
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import attempts, ended, executor_of, submitted
from tests.support.eventually import eventually
from tests.support.servers.simulator import Journal
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

SMALL = "text-embedding-3-small"
QWEN = "fireworks/qwen3-embedding-8b"


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[openai.OpenAI]:
    url = f"{system.up.answer['gateway_url']}/v1"
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0, timeout=60) as opened:
        yield opened


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_texts_become_vectors_in_their_order(client: openai.OpenAI) -> None:
    texts = ["a red apple", "the law of taxes", "red apple"]

    # The client asks for base64, and decodes it.
    found = client.embeddings.create(model=SMALL, input=texts)
    one = client.embeddings.create(model=SMALL, input=texts[1], encoding_format="float")

    assert found.model == SMALL
    assert [each.index for each in found.data] == [0, 1, 2]
    apple, law, again = (each.embedding for each in found.data)
    assert len(apple) == 1536
    assert likeness(apple, again) > likeness(apple, law)
    assert one.data[0].embedding == pytest.approx(law, abs=1e-6)
    assert found.usage.prompt_tokens == found.usage.total_tokens > 0


def test_dimensions_tokens_and_a_purpose_are_taken(client: openai.OpenAI) -> None:
    short = client.embeddings.create(model=SMALL, input="a", dimensions=8, user="someone")
    tokens = client.embeddings.create(model=SMALL, input=[[9906, 1917], [1]], dimensions=8)
    query = client.embeddings.with_raw_response.create(
        model=QWEN, input="a", user="someone", extra_body={"input_type": "search_query"}
    )

    assert [len(each.embedding) for each in (*short.data, *tokens.data)] == [8, 8, 8]
    assert query.headers["x-cogo-ignored"] == "user"
    assert query.parse().model == QWEN


def test_more_vectors_than_one_row_holds_are_several_tasks(client: openai.OpenAI) -> None:
    texts = [f"text {number}" for number in range(300)]

    answer = client.embeddings.with_raw_response.create(
        model=SMALL, input=texts, encoding_format="float"
    )
    [last] = client.embeddings.create(model=SMALL, input=texts[-1]).data

    assert len(answer.headers["x-cogo-task"].split(",")) == 3
    found = answer.parse()
    assert [each.index for each in found.data] == list(range(300))
    assert found.data[-1].embedding == pytest.approx(last.embedding, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "param", "why"),
    [
        ({"input": []}, "input", "not empty"),
        ({"input": ["a", " "]}, "input", "text 1 is empty"),
        ({"input": ["a", 3]}, "input", "only texts"),
        ({"input": ["a"] * 2049}, "input", "at most 2048"),
        ({"input": "a" * 1_000_000}, "input", "split it"),
        ({"dimensions": 5000}, "dimensions", "at most 1536 dimensions, not 5000"),
        ({"dimensions": 0}, "dimensions", "greater than or equal to 1"),
        ({"model": QWEN, "input": [1, 2]}, "input", "takes texts"),
        ({"extra_body": {"input_type": "image"}}, "input_type", "must be one of"),
    ],
)
def test_what_cannot_be_embedded_is_refused_with_the_reason(
    client: openai.OpenAI, given: dict[str, Any], param: str, why: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=why) as refused:
        client.embeddings.create(**{"model": SMALL, "input": "a"} | given)

    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


def test_models_for_vectors_and_for_answers_are_told_apart(client: openai.OpenAI) -> None:
    listed = [each.id for each in client.models.list()]
    chat = next(each for each in listed if "claude" in each)

    assert {SMALL, QWEN} <= set(listed)
    assert len(listed) == len(set(listed))
    assert client.models.retrieve(SMALL).id == SMALL
    with pytest.raises(openai.NotFoundError, match="turns no texts into vectors") as refused:
        client.embeddings.create(model=chat, input="a")
    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")
    with pytest.raises(openai.NotFoundError, match=SMALL):
        client.embeddings.create(model="text-embeding-3-smal", input="a")
    with pytest.raises(openai.NotFoundError, match="/v1/embeddings"):
        client.chat.completions.create(model=SMALL, messages=[{"role": "user", "content": "a"}])


def test_a_vendor_s_refusal_is_the_answer(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Simulated 400") as refused:
        client.embeddings.create(model=SMALL, input="[[fault:400]] no")

    assert refused.value.code == "invalid_request"


async def test_a_client_that_goes_away_cancels_its_task(
    system: System, store: SupabaseStore, journal: Journal
) -> None:
    url = f"{system.up.answer['gateway_url']}/v1/embeddings"
    prompt = "[[fault:stall]] nobody waits"
    async with httpx.AsyncClient(timeout=60) as http, asyncio.TaskGroup() as group:
        asking = group.create_task(http.post(url, json={"model": SMALL, "input": prompt}))
        await eventually(journal.requests, within=30)
        asking.cancel()

    found = (
        await store.find_tasks(limit=20, visible=EVERYTHING, wanted=TaskFilter(type=["EMBED"]))
    ).tasks
    [task] = [each for each in found if each.prompt == prompt]
    row = await ended(store, task.id)
    assert row.status is TaskState.CANCELLED


async def test_a_row_becomes_vectors_with_one_call(store: SupabaseStore, journal: Journal) -> None:
    task = await submitted(store, "a red apple", type="EMBED", model=SMALL, params={})

    row = await ended(store, task.id)

    assert row.status is TaskState.COMPLETED, row.error
    assert row.result is not None
    [vector] = row.result["embeddings"]
    assert (len(vector), row.result["dimensions"]) == (1536, 1536)
    assert row.result["model_used"] == SMALL
    assert row.result["text"] == f"1 text as vectors of 1536 dimensions by {SMALL}"
    assert (row.input_tokens > 0, row.output_tokens, row.simulated) == (True, 0, True)
    assert len(await journal.requests()) == 1
    [only] = await attempts(store, task.id)
    assert (only.lane, only.model_id) == (f"tools:cogo.embeddings/{SMALL}", SMALL)
    planned = await store.fetch_attempts(task_id=task.id)
    assert len(planned) == 2  # one wake, one call


@pytest.mark.parametrize(
    ("fields", "field", "why"),
    [
        ({}, "model", "name an embedding model"),
        ({"model": "claude-sonnet-5-5"}, "model", "turns no texts into vectors"),
        ({"model": SMALL, "params": {"input": []}}, "params.input", "not empty"),
        ({"model": SMALL, "params": {"input": ["a"] * 500}}, "params.input", "several tasks"),
        ({"model": SMALL, "params": {"dimension": 8}}, "params.dimension", "does not exist"),
        ({"model": SMALL, "params": {"dimensions": 1537}}, "params.dimensions", "not 1537"),
        ({"model": SMALL, "preferences": {"data_policy": ["local-only"]}}, "preferences", "leave"),
    ],
)
async def test_a_wrong_row_fails_before_anything_is_sent(
    store: SupabaseStore, journal: Journal, fields: dict[str, Any], field: str, why: str
) -> None:
    task = await submitted(store, "a", **{"type": "EMBED", "params": {}} | fields)

    row = await ended(store, task.id)

    assert (row.status, (row.error or {}).get("field")) == (TaskState.FAILED, field)
    assert why in str((row.error or {})["message"])
    assert await journal.requests() == []


def test_an_estimate_names_the_model(system: System) -> None:
    shown = system.cogo("estimate", "a", "--type", "EMBED", "--model", SMALL)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"main by {SMALL} (simulated): vectors of the texts\n")


async def test_an_executor_killed_in_a_call_leaves_a_lost_call_and_one_result(
    store: SupabaseStore, journal: Journal
) -> None:
    task = await submitted(
        store, "[[fault:stall times=1]] killed", type="EMBED", model=SMALL, params={}
    )
    await eventually(journal.requests, within=30)
    holder = await executor_of(store, task.id)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)

    row = await ended(store, task.id, within=60)

    assert row.status is TaskState.COMPLETED, row.error
    first, second = await attempts(store, task.id)
    assert (first.outcome, second.outcome) == ("reaped", "completed")
    assert len(await journal.requests()) == 2
