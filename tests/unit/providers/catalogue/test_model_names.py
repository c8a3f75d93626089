"""Names of models in lanes, and of weights in the table of open models."""

import pytest

from providers.catalogue.model_names import name_lane, name_model, name_models, normalize_weights


@pytest.mark.parametrize(
    ("own_id", "name"),
    [
        ("/path/to/SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1"),
        ("../models/Meta-Llama-3.1-8B-Q4_K_M.gguf", "Meta-Llama-3.1-8B-Q4_K_M"),
        ("C:\\models\\phi-3.GGUF", "phi-3"),
        ("phi-3.gguf", "phi-3"),
        ("/models/llama/", "llama"),
        ("~/weights/m", "m"),
        ("a/../../b", "b"),
        ("a//b", "b"),
        ("llama3.1:8b", "llama3.1:8b"),
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("hf.co/someone/Model-GGUF:Q4_K_M", "hf.co/someone/Model-GGUF:Q4_K_M"),
        ("模型.gguf", "模型"),
    ],
)
def test_a_file_is_named_without_folder_and_ending_and_anything_else_as_it_is(
    own_id: str, name: str
) -> None:
    assert name_model(own_id) == name
    assert name_model(name) == name


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "/",
        "..",
        "//",
        "a\x1b[31m",
        "a\nb",
        "a\u202eb",
        "\ud800",
        "x" * 10_000,
        "/a/" + "x" * 300,
    ],
)
def test_what_cannot_be_shown_has_no_name(hostile: str) -> None:
    assert name_model(hostile) is None
    assert name_models([hostile, "good"]) == {"good": "good"}


@pytest.mark.parametrize(
    ("lane", "now"),
    [
        ("llamacpp//models/m.gguf", "llamacpp/m"),
        ("vllm/Qwen/Qwen3-8B", "vllm/Qwen/Qwen3-8B"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("ollama", "ollama"),
        ("llamacpp/", "llamacpp/"),
    ],
)
def test_a_lane_of_a_row_has_the_name_of_today(lane: str, now: str) -> None:
    assert name_lane(lane) == now


def test_files_of_the_same_name_are_distinguished() -> None:
    assert name_models(["/a/x.gguf", "/b/x.gguf", "y"]) == {
        "x@a": "/a/x.gguf",
        "x@b": "/b/x.gguf",
        "y": "y",
    }


@pytest.mark.parametrize(
    "own_ids",
    [
        ["/a/x.gguf", "/b/a/x.gguf", "/c/x.gguf"],
        ["x", "/a/x.gguf", "x.gguf"],
        ["/x.gguf", "\\x.gguf"],
        ["x@a", "/a/x.gguf", "/b/x.gguf"],
    ],
)
def test_each_of_them_has_a_name_in_any_order(own_ids: list[str]) -> None:
    named = name_models(own_ids)

    assert sorted(named.values()) == sorted(own_ids)
    assert name_models(reversed(own_ids)) == named
    assert not any("/" in name or "\\" in name for name in named)


@pytest.mark.parametrize(
    ("own_id", "weights"),
    [
        ("/m/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2-135m-instruct"),
        ("bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", "llama-3.2-3b-instruct"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct-AWQ", "qwen2.5-coder-7b-instruct"),
        ("mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit", "qwen3-coder-30b-a3b-instruct"),
        ("meta-llama-3.1-8b-instruct@q4_k_m", "meta-llama-3.1-8b-instruct"),
        ("Phi-3-mini-4k-instruct-fp16.gguf", "phi-3-mini-4k-instruct"),
        ("Kimi-K2-UD-IQ1_S-00001-of-00006.gguf", "kimi-k2"),
        ("llama3.1:8b-instruct-q4_K_M", "llama3.1:8b-instruct"),
        ("qwen2.5-coder:7b", "qwen2.5-coder:7b"),
    ],
)
def test_weights_are_named_without_publisher_and_quantization(own_id: str, weights: str) -> None:
    assert normalize_weights(own_id) == weights
