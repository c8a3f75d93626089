"""Clients in JavaScript by the gateway: each runs what its own documentation shows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, cast

import pytest

from tests.e2e.clients.environment import IMAGE, Examples
from tests.support.node import run_node
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

PROGRAMS: Final = ("openai", "ai_sdk")
OLDEST_NODE: Final = 22
"""Which the newest clients need."""
GAVE: Final = "Simulated answer (no model was asked): the tools gave: "
SEEN: Final = "Files that came with it: image/png (73 bytes)."
COUNTED: Final = " ".join(f"w{each}" for each in range(10))
CITY: Final = {"name": "simulated", "population": 1.5}
MATH: Final = {
    "steps": [{"explanation": "simulated", "output": "simulated"}],
    "final_answer": "simulated",
}
WEATHER: Final = (
    f'{GAVE}{{"location":"Paris","temperature":21}}; {{"location":"Rome","temperature":21}}'
)


def of_each(value: object) -> dict[str, object]:
    """Return the same for the models of both of OpenAI's formats, and of any compatible server."""
    return dict.fromkeys(("responses", "chat", "compatible"), value)


EXPECTED: Final[dict[str, dict[str, Any]]] = {
    "openai": {
        "tools": {"finish_reason": "tool_calls", "answer": f"{GAVE}sunny in Paris; sunny in Rome"},
        "runner": f"{GAVE}sunny in Paris; sunny in Rome",
        "streaming": {"text": COUNTED, "hasUsage": True},
        "streamHelper": {"events": ['{"location": "Paris"}', '{"location": "Rome"}'], "calls": 2},
        "parsed": {"answer": MATH, "argument": {"location": "Paris"}},
        "responses": {
            "answer": f'{GAVE}{{"location": "Paris"}}; {{"location": "Rome"}}',
            "parsed": MATH,
            "text": "w0 w1 w2 w3 w4",
            "final": "w0 w1 w2 w3 w4",
        },
        "models": True,
        "refusals": [["BadRequestError", "n"], ["NotFoundError", "model"]],
    },
    "ai_sdk": {
        "tools": of_each({"text": WEATHER, "calls": [2, 0]}),
        "forced": of_each(["weather"]),
        "structure": of_each(CITY),
        "streaming": of_each({"text": COUNTED, "hasUsage": True}),
        "streamedTools": of_each({"kinds": ["tool-call", "tool-result"], "text": WEATHER}),
        "streamedStructure": of_each(CITY),
    },
}

Give = Callable[[str], Examples]


@pytest.fixture(scope="module")
def give(system: System, javascript_folder: Path) -> Iterator[Give]:
    """Return a function that gives the examples of a program; all programs run at once."""
    variables = {"GATEWAY_URL": f"{system.up.answer['gateway_url']}/v1", "IMAGE": IMAGE}

    def run(program: str) -> Examples:
        found = run_node(
            javascript_folder / f"{program}.mjs", variables, seconds=600, oldest=OLDEST_NODE
        )
        return Examples(cast("dict[str, dict[str, Any]]", found))

    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        running = {program: pool.submit(run, program) for program in PROGRAMS}
        yield lambda program: running[program].result()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_example_of_a_client_is_asserted(give: Give, program: str) -> None:
    assert set(give(program).names) == {*EXPECTED[program], "image"}


@pytest.mark.parametrize(
    ("program", "example"), [(program, name) for program in PROGRAMS for name in EXPECTED[program]]
)
def test_an_example_of_a_client_gives_what_it_shows(give: Give, program: str, example: str) -> None:
    assert give(program).get(example) == EXPECTED[program][example]


def test_a_model_sees_the_images_of_a_client(give: Give) -> None:
    seen = [give("openai").get("image"), *give("ai_sdk").get("image").values()]
    assert len(seen) == 4
    assert all(each.endswith(SEEN) for each in seen)
