import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from protocol.errors import OutOfRange
from protocol.json_values import MAX_DEPTH, find_json_problem, make_storable, parse_json
from tests.support.json_values import JSON

# Unlike the text of JSON: with NUL and with halves of pairs.
ANY_TEXT = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff"))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=12,
)


@given(ANY_JSON)
def test_cleaned_text_can_be_encoded_and_has_no_nul(value: JsonValue) -> None:
    text = json.dumps(make_storable(value), ensure_ascii=False)

    text.encode()
    assert "\\u0000" not in text


@given(ANY_JSON)
def test_cleaning_twice_changes_nothing_more(value: JsonValue) -> None:
    assert make_storable(make_storable(value)) == make_storable(value)


@given(JSON.filter(lambda value: "\\u0000" not in json.dumps(value)))
def test_clean_text_is_left_alone(value: JsonValue) -> None:
    assert make_storable(value) == value


def test_each_bad_character_becomes_one_replacement_so_that_offsets_stay() -> None:
    assert make_storable("a\x00b\ud83dc") == "a\ufffdb\ufffdc"
    assert make_storable({"\x00": ["\udc00", 1, None, True]}) == {
        "\ufffd": ["\ufffd", 1, None, True]
    }
    assert make_storable("😀") == "😀"


NESTED = '{"a":'


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"a": [float("inf")]}, "number"),
        ([-float("inf")], "number"),
        (float("nan"), "number"),
        ([10**4000], "number"),
        (json.loads("[" * 300 + "]" * 300), "levels"),
        (json.loads("[" * 900 + "]" * 900), "levels"),
    ],
)
def test_a_value_without_json_is_refused_by_name(value: JsonValue, problem: str) -> None:
    assert problem in str(find_json_problem(value))
    if value != [10**4000]:  # the database's answer says it as well
        with pytest.raises(OutOfRange, match=f"params .* {problem}"):
            make_storable(value, name="params")


@given(JSON)
def test_text_that_every_program_can_read_passes(value: JsonValue) -> None:
    assert find_json_problem(value) is None
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1" * 5000, "number"),
        ('{"a": 1e999}', "number"),
        ('{"a": NaN}', "number"),
        (NESTED * 101 + "1" + "}" * 101, "levels"),
        (NESTED * 100_000, "levels"),
        ("{", "double quotes"),
    ],
)
def test_json_of_a_person_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_json_may_be_so_deep_and_no_deeper() -> None:
    deepest = NESTED * (MAX_DEPTH - 1) + "1" + "}" * (MAX_DEPTH - 1)

    assert parse_json(deepest)
    with pytest.raises(ValueError, match="levels"):
        parse_json(f"[{deepest}]")
