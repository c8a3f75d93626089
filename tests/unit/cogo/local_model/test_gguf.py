"""The header of a GGUF file, whole, cut off, wrong and hostile."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogo.local_model.gguf import GgufFacts, NotGguf, parse_facts
from tests.support.models.gguf import build_gguf

SMALL = {
    "general.architecture": "llama",
    "general.name": "Small",
    "general.license": "apache-2.0",
    "general.file_type": 15,
    "llama.context_length": 8192,
    "llama.block_count": 30,
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.vocab_size": 49152,
}


def test_the_facts_of_a_header() -> None:
    assert parse_facts(build_gguf(SMALL)) == GgufFacts(
        architecture="llama",
        name="Small",
        license="apache-2.0",
        quantization="Q4_K_M",
        context=8192,
        kv_bytes=30 * 3 * (64 + 64) * 2,
        vocabulary=49152,
    )


def test_layers_may_have_different_numbers_of_heads_and_heads_a_width_of_their_own() -> None:
    values = SMALL | {
        "llama.attention.head_count_kv": [8, 0, 4],
        "llama.attention.key_length": 128,
        "llama.attention.value_length": 64,
    }

    assert parse_facts(build_gguf(values)).kv_bytes == (8 + 0 + 4) * (128 + 64) * 2


def test_the_vocabulary_is_counted_where_its_size_is_not_told() -> None:
    values = {key: value for key, value in SMALL.items() if key != "llama.vocab_size"}
    values["tokenizer.ggml.tokens"] = ["token"] * 5000
    values["llama.unread"] = 1

    facts = parse_facts(build_gguf(values)[:3000])

    assert facts.vocabulary == 5000
    assert facts.context == 8192


@pytest.mark.parametrize(
    "content",
    [b"", b"GGU", b"<html>", b"GGUF\x03\0\0\0", b"GGUF" + struct.pack("<IQQ", 9, 0, 0)],
    ids=["empty", "short", "a web page", "cut", "another version"],
)
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(NotGguf):
        parse_facts(content)


def test_hostile_counts_and_lengths_are_unknown_facts() -> None:
    huge = b"GGUF" + struct.pack("<IQQQ", 3, 0, 2**63, 2**62) + b"key"

    assert parse_facts(huge) == GgufFacts()
    values = SMALL | {"llama.context_length": 2**31, "llama.block_count": 0}
    facts = parse_facts(build_gguf(values))
    assert (facts.context, facts.kv_bytes) == (None, None)


@given(cut=st.integers(0, 400), noise=st.binary(max_size=40), at=st.integers(24, 400))
def test_no_content_raises_anything_else(cut: int, noise: bytes, at: int) -> None:
    content = build_gguf(SMALL)
    content = (content[:at] + noise + content[at + len(noise) :])[: max(24, cut)]

    assert isinstance(parse_facts(content), GgufFacts)
