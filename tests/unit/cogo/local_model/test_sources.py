"""The names of models to pull."""

import pytest

from cogo.errors import CommandError, UsageError
from cogo.local_model.library import check_alias, make_alias
from cogo.local_model.sources import (
    Means,
    choose_file,
    choose_means,
    parse_hub_name,
    parse_sha256,
)
from providers.adapters.weights.hub import HubFile

BOTH = frozenset({Means.OLLAMA, Means.LM_STUDIO})
SHA = "ab" * 32
FILES = [
    HubFile("model-Q2_K.gguf", 1_000_000_000, SHA),
    HubFile("model-Q4_K_M.gguf", 2_000_000_000, SHA),
    HubFile("big/model-Q8_0-00001-of-00002.gguf", 3_000_000_000, SHA),
    HubFile("model.safetensors", 5_000_000_000, SHA),
]


@pytest.mark.parametrize(
    ("name", "asked", "running", "chosen"),
    [
        ("hf:a/b/c.gguf", None, BOTH, Means.LLAMA_CPP),
        ("https://example.com/c.gguf", None, BOTH, Means.LLAMA_CPP),
        ("SmolLM2", None, BOTH, Means.LLAMA_CPP),
        ("llama3.1:8b", None, BOTH, Means.OLLAMA),
        ("ibm/granite-4-micro", None, frozenset({Means.LM_STUDIO}), Means.LM_STUDIO),
        ("llama3.1:8b", Means.LM_STUDIO, BOTH, Means.LM_STUDIO),
        ("hf:a/b/c.gguf", Means.OLLAMA, BOTH, Means.OLLAMA),
    ],
)
def test_the_program_is_chosen_by_the_name_and_by_what_runs(
    name: str, asked: Means | None, running: frozenset[Means], chosen: Means
) -> None:
    assert choose_means(name, asked=asked, running=running) is chosen


def test_a_name_of_ollama_without_ollama_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"neither is running.*hf:owner/repo/file\.gguf"):
        choose_means("llama3.1:8b", asked=None, running=frozenset())


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("hf:owner/repo/file.gguf", ("owner/repo", "file.gguf")),
        ("hf:owner/repo/folder/file.gguf", ("owner/repo", "folder/file.gguf")),
        ("hf:owner/repo", ("owner/repo", None)),
        ("hf:owner/repo:Q4_K_M", ("owner/repo", "Q4_K_M")),
    ],
)
def test_names_of_the_hub(name: str, parsed: tuple[str, str | None]) -> None:
    assert parse_hub_name(name) == parsed


@pytest.mark.parametrize(
    "name",
    [
        *("hf:", "hf:owner", "hf:owner/", "hf:../etc/passwd.gguf", "hf:a/b/../../c.gguf"),
        *("hf:a/b/c.bin", "hf:a/b?c/d.gguf", "hf:a/b:", "hf:a/b\n/c.gguf"),
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        parse_hub_name(name)


def test_a_file_is_found_by_its_name_or_quantization_and_else_the_best_one_that_fits() -> None:
    def choose(wanted: str | None, room: int = 64 * 10**9) -> str:
        return choose_file(FILES, wanted, repository="a/b", room=room).path

    assert choose("model-Q2_K.gguf") == choose("Q2_K") == choose("q2_k") == "model-Q2_K.gguf"
    assert choose(None) == "model-Q4_K_M.gguf"
    assert choose(None, room=2 * 10**9) == "model-Q2_K.gguf"


@pytest.mark.parametrize(
    ("wanted", "room", "reason"),
    [
        ("Q5_K_M", 64 * 10**9, "has no file Q5_K_M; it has model-Q2_K.gguf"),
        ("big/model-Q8_0-00001-of-00002.gguf", 64 * 10**9, "one of several parts"),
        (None, 10**6, "none of its files fits"),
    ],
)
def test_a_file_that_is_not_there_or_cannot_be_used_says_why(
    wanted: str | None, room: int, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        choose_file(FILES, wanted, repository="a/b", room=room)


def test_checksums_and_aliases() -> None:
    assert parse_sha256(f"sha256:{SHA.upper()}") == SHA
    for wrong in ("", "ab", SHA + "0", "g" * 64):
        with pytest.raises(UsageError):
            parse_sha256(wrong)
    assert make_alias("folder/Qwen2.5 0.5B (Q4).GGUF") == "Qwen2.5-0.5B-Q4-"
    assert make_alias("../.gguf") == "model"
    for wrong in ("", ".hidden", "a/b", "smollm2", "x" * 101):
        with pytest.raises(UsageError):
            check_alias(wrong)
