"""The programs of docs/how-to/use-openai-clients.md, as they stand there."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.clients.environment import FOLDER, install_clients, run_program
from tests.support.node import JAVASCRIPT, node_program
from tests.support.servers.system import System
from tests.support.sources import ROOT

pytestmark = pytest.mark.e2e

PAGE: Final = (ROOT / "docs/how-to/use-openai-clients.md").read_text("utf-8")
OLDEST_NODE: Final = 22
PROGRAMS: Final = {
    section.splitlines()[0]: blocks
    for section in PAGE.split("\n## ")[1:]
    if (blocks := re.findall(r"^```(python|js)\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
}
"""The blocks of a section are one program."""

WROTE: Final = ('you wrote "Write a haiku about queues"', 'you wrote "Count to ten"')
SUNNY: Final = "the tools gave: It is sunny in simulated."
RAN: Final = "Data from the tool cogo:run_code."
SEEN: Final = "Files that came with it: image/png (69 bytes)."
PYTHON_CITY: Final = "name='simulated' country='simulated'"
JAVASCRIPT_CITY: Final = "{ name: 'simulated', country: 'simulated' }"
PRINTED: Final = {
    "Python: openai": (
        *(*WROTE, SUNNY, RAN, PYTHON_CITY, SEEN),
        *("2 vectors of 1536", 'you wrote "What is my name?"'),
    ),
    "Python: LangChain": (
        *(*WROTE, "'args': {'city': 'simulated'}", SUNNY, RAN),
        *(PYTHON_CITY, SEEN, "2 vectors"),
    ),
    "Python: LiteLLM": (
        *(*WROTE, """arguments='{"city": "simulated"}', name='get_weather'""", RAN),
        *('{"name": "simulated", "country": "simulated"}', "2 vectors"),
    ),
    "JavaScript: openai": (*WROTE, SUNNY, RAN, JAVASCRIPT_CITY, "2 vectors"),
    "JavaScript: Vercel's AI SDK": (*WROTE, SUNNY, RAN, JAVASCRIPT_CITY, "2 vectors"),
}
"""What each program prints, in this order."""


@pytest.fixture(scope="module")
def printed(
    system: System, javascript_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Return a function that gives what a program prints; all run at once."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "node_modules").symlink_to(javascript_folder / "node_modules")
    url = f"{system.up.answer['gateway_url']}/v1"
    python, node = install_clients(), node_program(OLDEST_NODE)

    def run(name: str) -> str:
        language = PROGRAMS[name][0][0]
        ending = "py" if language == "python" else "mjs"
        file = folder / f"program{list(PROGRAMS).index(name)}.{ending}"
        file.write_text("".join(code for _, code in PROGRAMS[name]), "utf-8")
        interpreter = python if language == "python" else node
        return run_program(interpreter, file, OPENAI_BASE_URL=url, OPENAI_API_KEY="any")

    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        running = {name: pool.submit(run, name) for name in PROGRAMS}
        yield lambda name: running[name].result()


def test_the_page_has_these_programs() -> None:
    assert list(PROGRAMS) == list(PRINTED)


@pytest.mark.parametrize("name", PRINTED)
def test_a_documented_program_prints_what_it_says(printed: Callable[[str], str], name: str) -> None:
    rest = printed(name)
    for text in PRINTED[name]:
        before, found, rest = rest.partition(text)
        assert found, f"{text!r} is missing in {before!r}"


def test_the_page_names_the_versions_that_are_tested() -> None:
    locked = dict(
        re.findall(r"^(\S+)==(\S+)", (FOLDER / "requirements.lock").read_text(), re.MULTILINE)
    )
    packages = json.loads((JAVASCRIPT / "package.json").read_text("utf-8"))["dependencies"]
    rows = re.findall(
        r"^\| (`.+) \| (\d[\d., ]+) \|$", PAGE.partition("## Tested")[2], re.MULTILINE
    )
    assert len(rows) == 6

    for named, versions in rows:
        is_javascript = "JavaScript" in named or "`ai`" in named
        known = packages if is_javascript else locked
        names = re.findall(r"`([^`]+)`", named)
        assert versions == ", ".join(known[name] for name in names)
