import pytest

from embedded.realtime.wire.json import InvalidJson, decode_strict_json, encode_compact_json


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NaN",
        "-Infinity",
        "1e999",
        '"\\ud800"',
        '{"\\udfff": 1}',
        "[" * 100_000,
        "9" * 5000,
        b"\xff",
        '{"a":1} x',
    ],
)
def test_invalid_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidJson):
        decode_strict_json(text)


def test_parsed_json_round_trips() -> None:
    text = '{"a":[1,2.5,null,true,"\U0001f600ü\\u0000\\n"]}'

    assert encode_compact_json(decode_strict_json(text)) == text
    assert decode_strict_json('"\\ud83d\\ude00"') == "\U0001f600"
