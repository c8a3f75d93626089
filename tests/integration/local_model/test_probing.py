"""What a real llama.cpp server tells about SmolLM2 135M, which it names by its file.

It runs where the local model is installed (`cogo local-model install`), and needs no network.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from cogo.local_model.install import find_installed
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Done, Message, TextDelta
from providers.router import Router

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(find_installed() is None, reason="not installed: cogo local-model install"),
]

LANE = "llamacpp/SmolLM2-135M-Instruct.Q4_1"
PROGRAM = """
import os, signal, sys
out = os.dup(1)
os.dup2(2, 1)
sys.path.append(sys.argv[1])
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[2]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 4096
params.n_parallel = 2
params.cpuparams.n_threads = 1
params.sampling.temp = 0.0
server = xllamacpp.Server(params)
os.write(out, (server.listening_address + "\\n").encode())
signal.pause()
"""


@pytest.fixture
async def llama() -> AsyncIterator[str]:
    """Run the server as a user would, without an alias; yield its base URL."""
    installed = find_installed()
    assert installed is not None
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(installed.library), str(installed.weights)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        yield f"{line.decode().strip()}/v1"
    finally:
        process.kill()
        await process.wait()


async def test_a_real_server_tells_what_its_model_can_do_and_is_asked_by_its_path(
    llama: str,
) -> None:
    async with Router(Catalogue.load(), {"llamacpp": Credential(base_url=llama)}) as router:
        async with asyncio.timeout(60):
            while LANE not in router.list_lanes():
                await router.discover()
        [deployment] = router.list_deployments(LANE)
        known = deployment.probed
        assert known is not None
        assert known.own_id.endswith("/SmolLM2-135M-Instruct.Q4_1.gguf")
        assert (known.family, known.tool_mode, known.prefix) == ("smollm", "text", "")
        assert (known.context_window, known.parameters) == (2048, 0.135)
        assert (known.quantization, known.loaded, known.inputs) == ("Q4_1", True, ("text",))
        assert (known.maker, known.license) == ("Hugging Face", "Apache-2.0")

        request = ChatRequest(
            model="", messages=(Message(role="user", content="Say hi."),), max_output_tokens=8
        )
        async with aclosing(router.stream(LANE, request)) as answer:
            events = [event async for event in answer]

    assert "".join(each.text for each in events if isinstance(each, TextDelta)).strip()
    assert isinstance(events[-1], Done)
