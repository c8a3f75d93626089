"""The table of open models, and the facts that models without an entry have from it."""

import pytest

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.model_names import find_family_of_name, normalize_weights
from providers.catalogue.open_model_table import find_known_facts, load_table

CATALOGUE = Catalogue.load()
LLAMA = "Llama 3.1 8B Instruct"


def test_every_name_of_the_table_is_one_that_servers_lists_are_searched_by() -> None:
    for name, facts in load_table().items():
        assert normalize_weights(name) == name
        assert find_family_of_name(name) == facts["family"]
        assert 0 < facts["parameters"] < 1_000
        assert facts["license"].isascii()
        assert " " not in facts["license"]
        assert "{" not in facts["name"]


def test_the_table_agrees_with_the_catalogue() -> None:
    makers = {model.maker for model in CATALOGUE.models.values()}
    entry = CATALOGUE.get_model("smollm2-135m-instruct")
    facts = find_known_facts("SmolLM2-135M-Instruct.Q4_1.gguf")

    assert (facts["maker"], facts["license"]) == (entry.maker, entry.license)
    assert facts["context_window"] == entry.context_window
    named = {each["maker"] for each in load_table().values()}
    assert named - makers == {"Liquid AI"}


@pytest.mark.parametrize(
    ("own_id", "name"),
    [
        ("llama3.1:8b", LLAMA),
        ("llama3.1:latest", LLAMA),
        ("llama3.1", LLAMA),
        ("llama3.1:8b-instruct-q4_K_M", LLAMA),
        ("meta-llama-3.1-8b-instruct@q4_k_m", LLAMA),
        ("meta-llama/Llama-3.1-8B-Instruct", LLAMA),
        ("/models/Meta-Llama-3.1-8B-Instruct-IQ4_XS.gguf", LLAMA),
        ("hf.co/bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:Q4_K_M", LLAMA),
        ("mistral:7b", "Mistral 7B Instruct v0.3"),
        ("mistral:7b-instruct-v0.2-q4_0", "Mistral 7B Instruct v0.2"),
        ("qwen/qwen2.5-coder-14b-instruct", "Qwen 2.5 Coder 14B Instruct"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "Qwen 3 Coder 30B Instruct"),
        ("qwen3-coder:30b", "Qwen 3 Coder 30B Instruct"),
        ("Phi-3-mini-4k-instruct-q4.gguf", "Phi-3 mini Instruct (4k)"),
        ("phi3:mini", "Phi-3 mini Instruct"),
        ("microsoft/phi-4", "Phi-4"),
        ("phi4:14b", "Phi-4"),
        ("deepseek-coder:6.7b", "DeepSeek Coder 6.7B Instruct"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct", "DeepSeek Coder V2 16B Instruct"),
        ("LiquidAI/LFM2-1.2B-GGUF", "LFM2 1.2B"),
        ("smollm2:1.7b", "SmolLM2 1.7B Instruct"),
    ],
)
def test_models_are_known_by_the_names_of_each_server(own_id: str, name: str) -> None:
    assert find_known_facts(own_id)["name"] == name


@pytest.mark.parametrize(
    "own_id",
    [
        "someone/llama3.1:8b",
        "NousResearch/Hermes-3-Llama-3.1-8B",
        "Llama-3.1-8B-Instruct-abliterated",
        "llama3.1:8b-text",
        "my-model",
        "",
    ],
)
def test_a_model_that_only_resembles_one_is_not_taken_for_it(own_id: str) -> None:
    assert set(find_known_facts(own_id)) <= {"family"}


def test_a_model_without_entry_has_the_facts_of_the_table_where_they_hold() -> None:
    here = CATALOGUE.get_model("ollama/llama3.1:8b")
    vendor = CATALOGUE.get_model("openrouter/meta-llama/llama-3.1-8b-instruct")

    assert here.name == "Llama 3.1 8B Instruct (via Ollama)"
    assert (here.maker, here.license) == ("Meta", "LicenseRef-Llama-3.1")
    assert here.context_window == 131_072
    assert here.takes("image") is False
    assert vendor.maker == "Meta"
    assert vendor.context_window is None


def test_a_path_resolves_to_the_model_of_the_file() -> None:
    path = "llamacpp//models/SmolLM2-135M-Instruct.Q4_1.gguf"

    assert CATALOGUE.get_model(path).id == "llamacpp/SmolLM2-135M-Instruct.Q4_1"
    assert CATALOGUE.resolve(path).model == CATALOGUE.get_model(path)
    assert CATALOGUE.get_lane_facts(path).is_local
