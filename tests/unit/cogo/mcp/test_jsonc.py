"""Settings of editors, changed in one place only."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogo.cli.mcp.jsonc import JsoncInvalid, parse_jsonc, set_member

ENTRY = {"type": "stdio", "command": "/bin/cogo", "args": ["mcp"]}
VSCODE = """\
// my servers
{
\t"inputs": [], // none: they are asked for
\t"servers": {
\t\t/* the one at work, "not": {this} */
\t\t"work": {"url": "https://x.example/mcp?a=//b", "note": "a \\"}\\" /* b */"},
\t},
}
"""


def test_comments_and_trailing_commas_stay_where_they_are() -> None:
    changed = set_member(VSCODE, "servers", "cogo", ENTRY)

    assert parse_jsonc(changed)["servers"] == {
        "cogo": ENTRY,
        "work": {"url": "https://x.example/mcp?a=//b", "note": 'a "}" /* b */'},
    }
    assert set(VSCODE.splitlines()) <= set(changed.splitlines())
    assert '\t\t"cogo": {\n\t\t\t"type": "stdio",' in changed


def test_an_entry_of_that_name_is_replaced_alone() -> None:
    before = set_member(VSCODE, "servers", "cogo", ENTRY)

    changed = set_member(before, "servers", "cogo", {"command": "other"})

    assert changed == before.replace(
        before[before.index('"cogo": ') + 8 : before.index("},", before.index('"cogo"')) + 1],
        '{\n\t\t\t"command": "other"\n\t\t}',
    )
    assert set_member(before, "servers", "cogo", ENTRY) == before


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "{}", "{ // nothing\n}", '{"servers": {}}'])
def test_an_empty_file_gets_the_entry(text: str) -> None:
    changed = set_member(text, "servers", "cogo", ENTRY)

    assert parse_jsonc(changed) == {"servers": {"cogo": ENTRY}}


def test_windows_lines_and_a_byte_order_mark_stay() -> None:
    text = '\ufeff{\r\n    "a": 1\r\n}\r\n'

    changed = set_member(text, "mcpServers", "cogo", ENTRY)

    assert changed.startswith('\ufeff{\r\n    "mcpServers": {\r\n        "cogo": {\r\n')
    assert changed.endswith(',\r\n    "a": 1\r\n}\r\n')
    assert "\n" not in changed.replace("\r\n", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "the file is not an object"),
        ('{"servers": []}', "'servers' is not an object"),
        ('{\n"a": 1\n"b": 2}', "a comma is expected in line 3"),
        ('{"a": 1} {}', "something follows"),
        ('{"a": 1', "a comma is expected"),
        ('{"a" 1}', "a colon"),
        ("{a: 1}", "a name in quotes"),
        ('{"a": nil}', "a value is expected"),
        ('{"a": "\n"}', "a text is wrong"),
        ('{"a": 1.2.3}', "a number is wrong"),
        ('{"a": /* 1}', "a value is expected"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"servers": {}, "servers": {"a": 1}, "b": 1, "b": 2, "servers": 3}', "not an object"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(JsoncInvalid, match=words):
        set_member(text, "servers", "cogo", ENTRY)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(
    st.dictionaries(st.text() | st.just("servers"), _JSON, max_size=4),
    st.dictionaries(st.text() | st.just("cogo"), _JSON, max_size=4),
    st.text(),
    st.sampled_from([None, 2, "\t"]),
)
def test_nothing_that_stood_there_is_lost(
    rest: dict[str, Any], servers: dict[str, Any], name: str, indent: int | str | None
) -> None:
    before = {**rest, "servers": servers}

    changed = set_member(json.dumps(before, indent=indent), "servers", name, ENTRY)

    assert json.loads(changed) == {**before, "servers": {**servers, name: ENTRY}}
