"""The responses of OpenAI's API, through its own client."""

from collections.abc import Iterator
from typing import Any, cast
from uuid import UUID, uuid4

import openai
import pytest

from tests.e2e.tasks import HOLD
from tests.support.servers.simulator import Journal
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


LOOK: Any = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
    "strict": False,
}
THINKER = "gpt-6-sol"
"""A model of OpenAI that reasons, and gets its reasoning back in encrypted form only."""


@pytest.mark.parametrize("way", ["encrypted", "stored", "streamed"])
async def test_reasoning_goes_back_to_the_model_with_the_results_of_tools(
    client: openai.OpenAI, system: System, journal: Journal, way: str
) -> None:
    settings: Any = {"model": THINKER, "tools": [LOOK], "reasoning": {"effort": "high"}}
    encrypted: Any = {"include": ["reasoning.encrypted_content"], "store": False}
    asked: Any = [{"role": "user", "content": f'{way}: look {{"x": 1}}'}]
    if way == "streamed":
        with client.responses.stream(input=asked, **settings, **encrypted) as stream:
            stream.until_done()
            first: Any = stream.get_final_response()
    else:
        first = client.responses.create(
            input=asked, **settings, **(encrypted if way == "encrypted" else {})
        )
    [call] = [each for each in first.output if each.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}

    if way == "stored":
        more: Any = {"input": [result], "previous_response_id": first.id}
    else:
        more = {"input": [*asked, *(each.to_dict() for each in first.output), result]} | encrypted
    second = client.responses.create(**settings, **more)

    assert "7" in second.output_text
    _, sent = await journal.requests()
    prompt, reasoning, called, given = 1, 1, 1, 1
    assert sent["message_count"] == prompt + reasoning + called + given
    named = [UUID(first.id.removeprefix("resp_"))]
    async with system.store() as store:
        assert len(await store.fetch_task_turns(task_ids=named, owner=None)) == 1
        assert await store.fetch_task_turns(task_ids=named, owner=uuid4()) == []


@pytest.mark.parametrize("way", ["stored", "streamed", "encrypted"])
async def test_what_a_tool_of_ours_gave_goes_back_to_the_model(
    client: openai.OpenAI, journal: Journal, way: str
) -> None:
    own = {"extra_body": {"cogo_tools": ["cogo:list_files"]}}
    settings: Any = {"model": "gpt-4.1", "tools": [LOOK], **own}
    if way == "encrypted":
        settings["include"] = ["reasoning.encrypted_content"]
    asked: Any = [{"role": "user", "content": f'{way}: list_files {{}} look {{"x": 1}}'}]
    if way == "streamed":
        with client.responses.stream(input=asked, **settings) as stream:
            stream.until_done()
            first: Any = stream.get_final_response()
    else:
        first = client.responses.create(input=asked, **settings)
    [call] = [each for each in first.output if each.type == "function_call"]
    before = len(await journal.requests())
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "7"}

    if way == "stored":
        more: Any = {"input": [result], "previous_response_id": first.id}
    else:
        more = {"input": [*asked, *(each.to_dict() for each in first.output), result]}
    client.responses.create(**settings, **more)

    [sent] = (await journal.requests())[before:]
    prompt, called, given = 1, 1, 1
    assert sent["message_count"] > prompt + called + given, "with what our tool gave"


def test_reasoning_of_others_is_left_out(client: openai.OpenAI) -> None:
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "a", "output": "7"}
    for sealed in ("gAAAAABpoisoned", f"cogo_{'0' * 32}", ""):
        reasoning = {"type": "reasoning", "id": "x", "summary": [], "encrypted_content": sealed}
        given: Any = [{"role": "user", "content": "look {}"}, reasoning, call, result]
        answer = client.responses.create(model=THINKER, input=given, tools=[LOOK])
        assert answer.status == "completed"


def test_a_call_of_a_tool_of_ours_is_shown_and_may_be_sent_back(client: openai.OpenAI) -> None:
    settings: Any = {"model": "auto", "extra_body": {"cogo_tools": ["cogo:list_files"]}}
    asked: Any = [{"role": "user", "content": "list_files {}"}]
    with client.responses.stream(input=asked, **settings) as stream:
        kinds: list[str] = [each.type for each in stream]
        found: Any = stream.get_final_response()

    called, said = (each for each in found.output if each.type != "reasoning")
    assert (called.type, called.server_label, called.name) == ("mcp_call", "cogo", "list_files")
    assert called.status in {"completed", "failed"}
    assert kinds.count("response.mcp_call.in_progress") == 1
    assert kinds.count(f"response.mcp_call.{called.status}") == 1
    assert "the tools gave" in said.content[0].text
    more: Any = [*asked, *(each.to_dict() for each in found.output)]
    again = client.responses.create(
        input=[*more, {"role": "user", "content": "thanks"}], **settings
    )
    assert "thanks" in again.output_text
