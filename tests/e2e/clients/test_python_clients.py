"""Official clients in Python by the gateway: each runs what its own documentation shows."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Final

import pytest

from tests.e2e.clients.environment import Examples, install_clients, read_examples, start_programs
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

PROGRAMS: Final = ("openai_client", "langchain_client", "litellm_client", "agents_client")
GAVE: Final = "Simulated answer (no model was asked): the tools gave: "
SIMULATED: Final = "simulated"
SEEN: Final = "Files that came with it: image/png (73 bytes)."
PARIS: Final = ["get_weather", '{"location": "Paris", "units": "celsius"}']
ROME: Final = ["get_weather", '{"location": "Rome", "units": null}']
MATH: Final = {
    "steps": [{"explanation": SIMULATED, "output": SIMULATED}],
    "final_answer": SIMULATED,
    "level": "easy",
}
JOKE: Final = {"setup": SIMULATED, "punchline": SIMULATED}
OSLO: Final = {"location": "Oslo", "units": "celsius"}
SUMS: Final = [["multiply", {"a": 3, "b": 12}], ["add", {"a": 11, "b": 49}]]
AGENT: Final = {
    "answer": f"{GAVE}sunny in Oslo",
    "typed": {"name": SIMULATED, "country": SIMULATED},
    "streamed": f"{GAVE}sunny in Oslo",
    "kinds": ["agent_updated_stream_event", "raw_response_event", "run_item_stream_event"],
}
PYDANTIC_AGENT: Final = {
    "answer": f"{GAVE}sunny in Oslo",
    "streamed": "w0 w1 w2 w3 w4",
    "native": SIMULATED,
    "tool": SIMULATED,
}


def count(number: int) -> str:
    """Return what `[[pieces:...]]` is answered with."""
    return " ".join(f"w{each}" for each in range(number))


OPENAI: Final[dict[str, Any]] = {
    "tools": {
        "reasons": ["tool_calls", "stop"],
        "content": None,
        "calls": [PARIS, ROME],
        "distinct_ids": 2,
        "answer": f'{GAVE}{{"at": 21, "of": "Paris"}}; {{"at": 21, "of": "Rome"}}',
    },
    "choices": {
        "none": [],
        "auto": [],
        "required": ["get_weather"],
        "named": ["get_weather"],
        "one at a time": ["get_weather"],
    },
    "streamed_calls": {"reason": "tool_calls", "calls": [PARIS, ROME]},
    "stream_helper_with_models": {"arguments": [OSLO], "parsed": MATH},
    "parsed_answer": MATH,
    "parsed_arguments": OSLO,
    "json_mode": {"answer": 42},
    "raw_response": {
        "status": 200,
        "ignored": "seed,user",
        "has_task": True,
        "has_text": True,
    },
    "streaming_response": {"type": "text/event-stream; charset=utf-8", "last": "data: [DONE]"},
    "asynchronous": [count(5), "heard"],
    "responses_with_tools": {
        "calls": [PARIS, ROME],
        "answer": f'{GAVE}{{"of": "Paris"}}; {{"of": "Rome"}}',
        "status": ["completed", "completed"],
    },
    "responses_continued": f"{GAVE}21 degrees",
    "parsed_response": MATH,
    "streamed_response": {
        "first_and_last": ["response.created", "response.completed"],
        "parsed": MATH,
        "arguments": [PARIS[1]],
    },
    "plain_stream_of_responses": [count(5), "response.completed"],
    "models": {"has_auto": True, "shown": True},
}
LANGCHAIN: Final[dict[str, Any]] = {
    "bound_tools": {"calls": SUMS, "answer": f"{GAVE}36; 60", "has_usage": True},
    "forced_tools": {
        "any": ["add"],
        "multiply": ["multiply"],
        "True": ["multiply"],
        "one at a time": ["multiply"],
        "strict": ["multiply", "add"],
    },
    "streamed_tools": {"calls": SUMS, "invalid": []},
    "streaming": {"text": count(10), "has_usage": True},
    "asynchronous_events": count(10),
    "structured_output": {
        "json_schema": JOKE | {"rating": 1},
        "function_calling": JOKE | {"rating": None},
        "json_mode": JOKE | {"rating": None},
        "typed dictionary": {"title": SIMULATED, "genre": "drama"},
        "schema": JOKE,
        "raw": [SIMULATED, None],
        "strict": {"title": SIMULATED, "genre": "drama"},
    },
    "streamed_structure": JOKE,
    "batch": ["one", "two"],
    "responses_api": {
        "calls": ["multiply", "add"],
        "answer": f"{GAVE}36; 60",
        "streamed": count(5),
        "streamed_calls": ["multiply", "add"],
        "structure": JOKE | {"rating": 1},
    },
    "previous_response": ["My name is Ada.", "again"],
    "agent": [
        ["human", []],
        ["ai", ["multiply", "add"]],
        ["tool", []],
        ["tool", []],
        ["ai", ["add"]],
        ["tool", []],
        ["ai", []],
    ],
    "agent_with_structure": {"schema": SIMULATED, "tool": SIMULATED},
    "agent_stream": ["model", "tools"],
}
LITELLM: Final[dict[str, Any]] = {
    "tools": {
        "reason": "tool_calls",
        "calls": ['{"location": "Tokyo"}', '{"location": "Paris"}'],
        "answer": f'{GAVE}{{"of": "Tokyo"}}; {{"of": "Paris"}}',
        "total_tokens": True,
    },
    "streamed_tools": ['{"location": "Tokyo"}', '{"location": "Paris"}'],
    "forced_tool": ["get_current_weather"],
    "streaming": {"text": count(10), "total_tokens": True},
    "asynchronous": count(5),
    "response_format": [{"name": SIMULATED, "participants": [SIMULATED]}] * 2,
    "json_mode": {"answer": 42},
    "by_responses": {"text": "heard", "last": "response.completed"},
}
AGENTS: Final[dict[str, Any]] = {
    "agents_sdk": {"chat": AGENT, "responses": AGENT},
    "handoff": "Spanish",
    "our_tools": {"chat": True, "responses": True},
    "pydantic_ai": {"chat": PYDANTIC_AGENT, "responses": PYDANTIC_AGENT, "prompted": "Oslo"},
}
EXPECTED: Final = dict(zip(PROGRAMS, (OPENAI, LANGCHAIN, LITELLM, AGENTS), strict=True))
CHECKED: Final = {
    "openai_client": {"stream_helper", "images", "response_with_an_image", "our_tools", "refusals"},
    "langchain_client": {"images"},
    "litellm_client": {"image", "our_tools", "refusals"},
    "agents_client": set[str](),
}
"""Examples that have a test of their own."""

Give = Callable[[str], Examples]


@pytest.fixture(scope="module")
def give(system: System) -> Iterator[Give]:
    """Return a function that gives the examples of a program; all programs run at once."""
    url = f"{system.up.answer['gateway_url']}/v1"
    running: dict[str, Future[str]] = start_programs(install_clients(), url, PROGRAMS)
    yield lambda name: read_examples(running[name].result())


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_example_of_a_client_is_asserted(give: Give, program: str) -> None:
    assert set(give(program).names) == set(EXPECTED[program]) | CHECKED[program]


@pytest.mark.parametrize(
    ("program", "example"), [(program, name) for program in PROGRAMS for name in EXPECTED[program]]
)
def test_an_example_of_a_client_gives_what_it_shows(give: Give, program: str, example: str) -> None:
    assert give(program).get(example) == EXPECTED[program][example]


def test_the_helper_of_streams_gives_text_and_usage(give: Give) -> None:
    found = give("openai_client").get("stream_helper")
    assert found.pop("total_tokens") > 20
    assert found == {
        "types": ["chunk", "content.delta", "content.done"],
        "text": count(20),
        "final": count(20),
    }


@pytest.mark.parametrize(
    ("program", "example"),
    [
        ("openai_client", "images"),
        ("openai_client", "response_with_an_image"),
        ("langchain_client", "images"),
        ("litellm_client", "image"),
    ],
)
def test_a_model_sees_the_images_of_a_client(give: Give, program: str, example: str) -> None:
    assert give(program).get(example).endswith(SEEN)


def test_our_tools_run_beside_those_of_the_caller(give: Give) -> None:
    found = give("openai_client").get("our_tools")
    assert found["both"] == ["get_weather"]
    for said in (found["own"], give("litellm_client").get("our_tools")):
        assert said.startswith(f"{GAVE}Data from the tool cogo:run_code.")
        assert '"stdout": "42\\n"' in said


def test_refusals_are_the_errors_that_clients_know(give: Give) -> None:
    refused = give("openai_client").get("refusals")
    assert [each[:2] for each in refused] == [
        ["NotFoundError", "model"],
        ["BadRequestError", "n"],
        ["BadRequestError", "logprobs"],
        ["BadRequestError", "functions"],
        ["BadRequestError", "tools.0"],
        ["BadRequestError", "response_format.json_schema.schema"],
        ["BadRequestError", "cogo_tools"],
    ]
    assert "use tools" in refused[3][2]
    assert "cogo:run_code" in refused[6][2]
    many, functions, model = give("litellm_client").get("refusals")
    assert "n must be 1" in many
    assert "use tools" in functions
    assert model == "not found"
