"""Texts that become vectors, and vectors as they are stored."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.embeddings import (
    MAX_TEXTS,
    MAX_VECTORS_BYTES,
    count_fitting_texts,
    decode_vector,
    encode_vector,
    read_texts,
)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a", ["a"]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        (["a"] * MAX_TEXTS, ["a"] * MAX_TEXTS),
    ],
)
def test_texts_are_read_as_openai_s_clients_send_them(value: object, texts: object) -> None:
    assert read_texts(value) == texts


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "not empty"),
        ({}, "not empty"),
        ([], "not empty"),
        (3, "not empty"),
        ("", "text 0 is empty"),
        (["a", " \n"], "text 1 is empty"),
        ([[1], []], "text 1 is empty"),
        (["a", [1]], "only texts"),
        ([[1, True]], "only texts"),
        ([[1, -1]], "only texts"),
        ([[1, 2**40]], "only texts"),
        ([["a"]], "only texts"),
        (["a", None], "only texts"),
        ([1.5], "only texts"),
        (["a"] * (MAX_TEXTS + 1), "2049 texts; at most 2048"),
    ],
)
def test_anything_else_is_refused_with_the_reason(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_texts(value)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=50))
def test_a_vector_in_base64_is_the_same_vector(vector: list[float]) -> None:
    assert decode_vector(encode_vector(vector)) == vector
    assert decode_vector(vector) == vector


def test_what_is_no_vector_is_not_read_as_one() -> None:
    with pytest.raises(OverflowError):
        encode_vector([1e300])
    for wrong in ("AAAA", "not base64!"):
        with pytest.raises(ValueError, match=r"32-bit|[Oo]nly base64|padding|Non-base64|base64"):
            decode_vector(wrong)
    nothing: Any = None
    with pytest.raises(TypeError):
        decode_vector(nothing)


@given(st.integers(1, 65_536))
def test_vectors_of_one_task_fit_the_limit(dimensions: int) -> None:
    longest = "-0.012345678901234567,"
    for encoding_format, size in (
        ("base64", len(encode_vector([0.0] * dimensions)) + 4),
        ("float", dimensions * len(longest)),
    ):
        count = count_fitting_texts(dimensions, encoding_format)  # type: ignore[arg-type]
        assert count >= 1
        assert count == 1 or count * size <= MAX_VECTORS_BYTES
    assert count_fitting_texts(None, "float") < count_fitting_texts(None, "base64") < math.inf
