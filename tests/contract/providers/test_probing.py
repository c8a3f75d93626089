"""What model servers on this machine tell about their models, over HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from providers.adapters.local.discovery import Discovery, LocalServer
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.data_policy import find_chat_objection
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.open_models import Measured, dump_open_model, load_open_models
from providers.chat import ChatRequest, Message, Tool
from providers.router import Router
from tests.support.model_servers.json_server import ModelServer, open_model_server

PATIENT = timedelta(seconds=5)
"""For machines that are busy with other tests."""
FILE = "/models/SmolLM2-135M-Instruct.Q4_1.gguf"
LANE = "llamacpp/SmolLM2-135M-Instruct.Q4_1"
PROPS = {
    "default_generation_settings": {"n_ctx": 2048},
    "model_path": FILE,
    "modalities": {"vision": False},
    "chat_template": "{{'<|im_start|>assistant\n'}}",
    "chat_template_caps": {"supports_tools": False},
    "is_sleeping": False,
}
SHOWN = {
    "capabilities": ["completion", "tools"],
    "template": "{{ if .Tools }}[TOOL_CALLS]{{ end }}",
    "details": {"parameter_size": "7.2B", "quantization_level": "Q4_K_M"},
    "model_info": {"general.architecture": "llama", "llama.context_length": 32_768},
}


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with open_model_server() as found:
        yield found


def a_catalogue(tmp_path: Path, port: int, *, provider: str, more: str = "") -> Catalogue:
    """Load the packaged catalogue with this port for one local provider and none for others."""
    names = ("ollama", "lmstudio", "vllm", "llamacpp", "mlx", "tei")
    ports = {provider: [port]}
    path = tmp_path / "cogo.toml"
    lines = [f"[providers.{name}]\nports = {ports.get(name, [])}" for name in names]
    path.write_text("\n".join([*lines, more]))
    return Catalogue.load(path)


async def find(discovery: Discovery, catalogue: Catalogue, *, recheck: bool = False) -> LocalServer:
    [found] = await discovery.find(catalogue, {}, within=PATIENT, recheck=recheck)
    return found


def a_request() -> ChatRequest:
    tool = Tool(name="look", description="Look.", parameters={"type": "object"})
    return ChatRequest(model="", messages=(Message(role="user", content="hi"),), tools=(tool,))


async def discover(router: Router) -> None:
    """Look until the server was found, which has little time to answer."""
    async with asyncio.timeout(60):
        while not await router.discover():
            pass


async def get_deployment(router: Router, lane: str) -> Deployment:
    await discover(router)
    [deployment] = router.list_deployments(lane)
    return deployment


async def test_a_file_is_a_lane_of_its_name_and_is_asked_for_by_its_path(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models(FILE, owner="llamacpp", meta={"n_params": 134_515_008})
    server.answers["/props"] = PROPS
    catalogue = a_catalogue(tmp_path, server.port, provider="llamacpp")

    async with Router(catalogue, {}) as router:
        deployment = await get_deployment(router, LANE)

        assert router.list_lanes() == [LANE]
        assert router.local.list_former_lanes() == [f"llamacpp/{FILE}"]
        assert router.list_deployments(f"llamacpp/{FILE}") == [deployment]
        assert deployment.id == "llamacpp:SmolLM2-135M-Instruct.Q4_1"
        assert deployment.model.context_window == 2048
        assert deployment.model.maker == "Hugging Face"
        assert deployment.model.takes("image") is False
        assert deployment.provider_model == "SmolLM2-135M-Instruct.Q4_1"
        assert router.local.get_model(f"llamacpp/{FILE}") == deployment.model
        request, _ = deployment.fit_request(a_request())
        assert request.model == FILE
        assert request.text_calls is not None
        assert request.text_calls.tool_mode == "text"
        [model] = router.list_open_models()
    assert (model.tool_mode, model.get_source("tool_mode")) == ("text", "probe")
    assert (model.license, model.get_source("license")) == ("Apache-2.0", "table")
    assert (model.parameters, model.loaded) == (0.135, True)


async def test_files_of_the_same_name_are_asked_for_by_their_own_paths(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("/a/m.gguf", "/b/m.gguf", owner="llamacpp")
    server.answers["/props"] = PROPS
    catalogue = a_catalogue(tmp_path, server.port, provider="llamacpp")

    async with Router(catalogue, {}) as router:
        await discover(router)

        assert router.list_lanes() == ["llamacpp/m@a", "llamacpp/m@b"]
        [second] = router.list_deployments("llamacpp/m@b")
        assert second.own_id == "/b/m.gguf"
        assert router.list_deployments("llamacpp//b/m.gguf") == [second]
        [bare] = router.list_deployments("llamacpp/m")
        assert bare.own_id == "/a/m.gguf"


async def test_a_server_of_several_files_is_not_made_to_load_one(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("org/m:Q4", owner="llamacpp", status={"value": "unloaded"})
    server.answers["/props?model=org/m:Q4&autoload=false"] = 400
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="llamacpp"))

    assert found.models == ("org/m:Q4",)
    assert found.probed == {"org/m:Q4": {"loaded": False}}


async def test_ollama_is_asked_about_each_model_once_and_what_is_loaded_each_time(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("a:1", "b:1", owner="library")
    server.answers |= {"/api/ps": {"models": []}, "/api/show a:1": SHOWN, "/api/show b:1": SHOWN}
    catalogue = a_catalogue(tmp_path, server.port, provider="ollama")
    discovery = Discovery()

    first = await find(discovery, catalogue)
    server.answers["/api/ps"] = {"models": [{"name": "a:1"}]}
    second = await find(discovery, catalogue)

    assert first.probed["a:1"] == {
        "family": "mistral",
        "tool_mode": "structured",
        "context_window": 32_768,
        "inputs": ("text",),
        "reasoning": "none",
        "parameters": 7.2,
        "quantization": "Q4_K_M",
        "is_remote": False,
        "loaded": False,
    }
    assert second.probed == {**first.probed, "a:1": {**first.probed["a:1"], "loaded": True}}
    assert (server.asked["/api/show a:1"], server.asked["/api/ps"]) == (1, 2)

    server.list_models("a:1", "b:1", "c:1", owner="library")
    server.answers["/api/show c:1"] = SHOWN
    await find(discovery, catalogue)
    assert (server.asked["/api/show a:1"], server.asked["/api/show c:1"]) == (1, 1)
    server.list_models("a:1", "b:1", owner="library", created=2)
    await find(discovery, catalogue)
    assert server.asked["/api/show a:1"] == 2
    await find(discovery, catalogue, recheck=True)
    assert server.asked["/api/show a:1"] == 3


async def test_a_model_that_ollama_embeds_with_is_no_lane(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("plain:1", "e5-talks:1", owner="library")
    server.answers["/api/show plain:1"] = {"capabilities": ["embedding"]}
    server.answers["/api/show e5-talks:1"] = {"capabilities": ["completion"]}
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="ollama"))

    assert found.models == ("e5-talks:1",)
    assert found.embedding_models == ("plain:1",)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("named-as-i-like:1", SHOWN | {"remote_host": "https://ollama.com"}),
        ("gpt-oss:120b-cloud", SHOWN),
        ("kimi:cloud", 500),
    ],
)
async def test_a_model_that_ollama_passes_on_does_not_count_as_local(
    server: ModelServer, tmp_path: Path, name: str, shown: object
) -> None:
    server.list_models(name, owner="library")
    server.answers[f"/api/show {name}"] = shown
    catalogue = a_catalogue(tmp_path, server.port, provider="ollama")

    async with Router(catalogue, {}) as router:
        deployment = await get_deployment(router, f"ollama/{name}")

    assert deployment.host.local is False
    assert deployment.masks_keys


async def test_an_ollama_that_did_not_answer_promises_nothing_until_it_does(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("mine:1", owner="library")
    server.answers["/api/show mine:1"] = 503
    catalogue = a_catalogue(tmp_path, server.port, provider="ollama")

    async with Router(catalogue, {}) as router:
        silent = await get_deployment(router, "ollama/mine:1")
        server.answers["/api/show mine:1"] = SHOWN
        told = await get_deployment(router, "ollama/mine:1")

    assert find_chat_objection(("local-only",), silent) is not None
    assert find_chat_objection(("local-only",), told) is None


async def test_a_router_reports_models_of_servers_on_other_machines() -> None:
    far = LocalServer(provider="vllm", base_url="http://10.0.0.7:8000/v1", models=("far",))
    near = LocalServer(provider="lmstudio", base_url="http://127.0.0.1:1234/v1", models=("near",))

    async with Router(Catalogue.load(), {}) as router:
        router.local.replace([far, near])
        reported = {each.lane: dump_open_model(each) for each in router.list_open_models()}

    found = load_open_models(reported)
    assert found["vllm/far"].is_elsewhere
    assert found["vllm/far"].is_remote is None
    assert not found["lmstudio/near"].is_elsewhere


async def test_a_cloud_model_of_a_server_that_does_not_list_it_does_not_count_as_local(
    tmp_path: Path,
) -> None:
    catalogue = a_catalogue(tmp_path, 9, provider="mlx")
    given = {"ollama": Credential(base_url="http://127.0.0.1:9/v1")}

    async with Router(catalogue, given) as router:
        [cloud] = router.list_deployments("ollama/kimi:cloud")
        [here] = router.list_deployments("ollama/kimi:7b")

    assert cloud.host.local is False
    assert here.host.local is True


async def test_lm_studio_and_vllm_tell_about_all_models_in_one_answer(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("qwen/q", owner="organization_owner")
    server.answers["/api/v1/models"] = {
        "models": [
            {"type": "llm", "key": "qwen/q", "max_context_length": 9, "loaded_instances": []}
        ]
    }
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="lmstudio"))
    assert found.probed["qwen/q"] == {"family": "qwen", "context_window": 9, "loaded": False}

    server.list_models("/models/qwen", owner="vllm", max_model_len=40_960)
    server.answers["/tokenizer_info"] = {"chat_template": "{{'<tool_call>'}}"}
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="vllm"))
    assert found.own_ids == {"qwen": "/models/qwen"}
    assert found.probed["qwen"] == {"family": "qwen", "context_window": 40_960, "loaded": True}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(500, id="an error"),
        pytest.param("<html>", id="no JSON"),
        pytest.param([[]] * 3, id="no object"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param(json.dumps({"template": "x" * 5_000_000}), id="huge"),
        pytest.param({"template": 7, "details": [], "model_info": "x"}, id="other types"),
    ],
)
async def test_one_bad_answer_harms_no_other(
    server: ModelServer, tmp_path: Path, bad: object
) -> None:
    server.list_models("bad:1", "good:1", owner="library")
    server.answers |= {"/api/show bad:1": bad, "/api/show good:1": SHOWN}
    discovery, catalogue = Discovery(), a_catalogue(tmp_path, server.port, provider="ollama")

    found = await find(discovery, catalogue)
    await find(discovery, catalogue)

    assert found.models == ("bad:1", "good:1")
    assert found.probed["good:1"]["tool_mode"] == "structured"
    assert server.asked["/api/show bad:1"] == 1


async def test_a_model_without_an_answer_is_asked_about_again_and_holds_up_no_other(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models("slow:1", "good:1", owner="library")
    server.answers |= {"/api/show slow:1": None, "/api/show good:1": SHOWN}
    discovery, catalogue = Discovery(), a_catalogue(tmp_path, server.port, provider="ollama")

    began = time.monotonic()
    found = await find(discovery, catalogue)
    assert time.monotonic() - began < 60
    assert found.models == ("slow:1", "good:1")
    assert list(found.probed) == ["good:1"]

    server.answers["/api/show slow:1"] = SHOWN
    found = await find(discovery, catalogue)
    assert sorted(found.probed) == ["good:1", "slow:1"]
    assert server.asked["/api/show good:1"] == 1


async def test_a_server_that_is_loading_is_asked_again(server: ModelServer, tmp_path: Path) -> None:
    server.list_models(FILE, owner="llamacpp")
    server.answers["/props"] = 503
    discovery, catalogue = Discovery(), a_catalogue(tmp_path, server.port, provider="llamacpp")
    assert (await find(discovery, catalogue)).probed == {}

    server.answers["/props"] = PROPS
    assert (await find(discovery, catalogue)).probed


async def test_names_that_cannot_be_shown_are_left_out(server: ModelServer, tmp_path: Path) -> None:
    server.list_models("a\x1b[31m", "x" * 10_000, "embed\u202e", "../../etc/good", owner="library")
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="ollama"))

    assert found.models == ("good",)
    assert found.embedding_models == ()
    assert found.own_ids == {"good": "../../etc/good"}


async def test_a_list_without_measure_is_asked_about_no_more_than_its_beginning(
    server: ModelServer, tmp_path: Path
) -> None:
    server.list_models(*("\x1b" * n for n in range(1, 50)), *map(str, range(2_000)))
    found = await find(Discovery(), a_catalogue(tmp_path, server.port, provider="ollama"))

    assert found.models[:2] == ("0", "1")
    assert len(found.models) == 500
    assert 0 < sum(path.startswith("/api/show") for path in server.asked) <= 500


async def test_the_operator_wins_over_the_server(server: ModelServer, tmp_path: Path) -> None:
    server.list_models("m:1", owner="library")
    server.answers["/api/show m:1"] = SHOWN
    more = (
        '[models."ollama/m:1"]\nname = "Mine"\nmaker = "me"\ncontext_window = 1000\n'
        'tools = false\ndeployments = [{ provider = "ollama", model = "m:1" }]'
    )
    catalogue = a_catalogue(tmp_path, server.port, provider="ollama", more=more)

    async with Router(catalogue, {}) as router:
        deployment = await get_deployment(router, "ollama/m:1")

        assert router.list_lanes() == ["ollama/m:1"]
    assert deployment.model.context_window == 1000
    assert deployment.model.tools is False
    assert deployment.model.reasoning == "none"
    assert deployment.probed is not None
    assert deployment.probed.get_source("context_window") == "user"


async def test_the_local_model_is_asked_as_well(server: ModelServer, tmp_path: Path) -> None:
    server.list_models("smollm2-135m-instruct", owner="llamacpp")
    server.answers["/props"] = PROPS
    given: Mapping[str, Any] = {
        "local-model": Credential(base_url=f"http://127.0.0.1:{server.port}/v1")
    }
    catalogue = a_catalogue(tmp_path, 9, provider="mlx")

    async with Router(catalogue, given) as router:
        deployment = await get_deployment(router, "smollm2-135m-instruct")

        assert router.list_lanes() == ["smollm2-135m-instruct"]
    assert deployment.model.context_window == 2048
    assert deployment.model.tools is True


async def test_what_was_measured_comes_along(server: ModelServer, tmp_path: Path) -> None:
    server.list_models("m:1", owner="library")
    measured = Measured(tokens_per_s=30, first_token_s=0.1, measured_at="2026-11-30T00:00:00Z")
    catalogue = a_catalogue(tmp_path, server.port, provider="ollama")

    async with Router(catalogue, {}, measured={"ollama/m:1": measured}.get) as router:
        deployment = await get_deployment(router, "ollama/m:1")

    assert deployment.probed is not None
    assert deployment.probed.measured == measured
