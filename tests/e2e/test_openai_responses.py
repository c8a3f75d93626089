"""The responses of OpenAI's API, through its own client."""

from collections.abc import Iterator
from typing import Any, cast

import openai
import pytest

from tests.e2e.tasks import HOLD
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[openai.OpenAI]:
    url = f"{system.up.answer['gateway_url']}/v1"
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0, timeout=60) as opened:
        yield opened


def test_a_response_is_created_read_continued_and_deleted(client: openai.OpenAI) -> None:
    first = client.responses.create(
        model="auto", input="Say hello", instructions="Be brief.", metadata={"for": "a test"}
    )
    second = client.responses.create(
        model="auto", input="And again", previous_response_id=first.id, store=False
    )

    assert (first.status, second.status) == ("completed", "completed")
    assert first.output_text
    assert first.usage is not None
    assert first.usage.input_tokens > 0
    assert first.usage.output_tokens > 0
    found = client.responses.retrieve(first.id)
    assert found.output_text == first.output_text
    assert (found.instructions, found.metadata) == ("Be brief.", {"for": "a test"})
    items: list[Any] = list(client.responses.input_items.list(second.id, order="asc", limit=2))
    assert [each.content[0].text for each in items] == [
        "Say hello",
        first.output_text,
        "And again",
    ]
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError) as lost:
        client.responses.create(model="auto", input="More", previous_response_id=first.id)
    assert lost.value.param == "previous_response_id"


def test_a_response_is_streamed_in_numbered_events(client: openai.OpenAI) -> None:
    with client.responses.stream(model="auto", input="Count for me [[pieces:20]]") as stream:
        events = list(stream)
        final = stream.get_final_response()

    assert [each.sequence_number for each in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    text = "".join(each.delta for each in events if each.type == "response.output_text.delta")
    assert text == final.output_text
    assert text.split() == [f"w{number}" for number in range(20)]


def test_a_response_in_the_background_is_cancelled(client: openai.OpenAI) -> None:
    begun = client.responses.create(model="auto", input=f"Wait {HOLD}", background=True)
    assert begun.status in {"queued", "in_progress"}
    assert client.responses.retrieve(begun.id).status in {"queued", "in_progress"}

    assert client.responses.cancel(begun.id).status == "cancelled"

    assert client.responses.retrieve(begun.id).status == "cancelled"


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_planner_refuses_is_the_client_s_own_error(
    client: openai.OpenAI, *, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError, match=r"reasoning\.effort") as refused:
        client.responses.create(
            model="auto",
            input="hello",
            stream=stream,
            reasoning={"effort": cast("Any", "enormous")},
        )

    assert (refused.value.param, refused.value.code) == ("reasoning.effort", "invalid_task")
