import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from protocol.transport.text import storable
from tests.unit.protocol.json_values import JSON

# Unlike the text of JSON: with NUL and with halves of pairs.
ANY_TEXT = st.text(st.characters() | st.sampled_from("\x00\ud800\udfff"))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=12,
)


@given(ANY_JSON)
def test_what_is_sent_can_be_encoded_and_has_no_nul(value: JsonValue) -> None:
    text = json.dumps(storable(value), ensure_ascii=False)

    text.encode()
    assert "\\u0000" not in text


@given(ANY_JSON)
def test_cleaning_twice_changes_nothing_more(value: JsonValue) -> None:
    assert storable(storable(value)) == storable(value)


@given(JSON.filter(lambda value: "\\u0000" not in json.dumps(value)))
def test_clean_text_is_left_alone(value: JsonValue) -> None:
    assert storable(value) == value


def test_each_bad_character_becomes_one_replacement_so_that_offsets_stay() -> None:
    assert storable("a\x00b\ud83dc") == "a\ufffdb\ufffdc"
    assert storable({"\x00": ["\udc00", 1, None, True]}) == {"\ufffd": ["\ufffd", 1, None, True]}
    assert storable("😀") == "😀"
