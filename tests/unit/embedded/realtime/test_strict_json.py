import pytest

from embedded.realtime.wire.json import NotJson, compact, parse


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
def test_what_other_readers_would_refuse_is_refused(text: str | bytes) -> None:
    with pytest.raises(NotJson):
        parse(text)


def test_what_is_read_is_written_back() -> None:
    text = '{"a":[1,2.5,null,true,"\U0001f600ü\\u0000\\n"]}'

    assert compact(parse(text)) == text
    assert parse('"\\ud83d\\ude00"') == "\U0001f600"
