"""What counts as a right call of a tool, and as an answer that follows a schema."""

import pytest

from cogo.local_model.measure import follows_schema, is_right_call
from providers.chat import CallRejection, ToolCall


def call(arguments: str, *, name: str = "get_weather", rejected: bool = False) -> ToolCall:
    rejection = CallRejection(reason="schema", detail="no") if rejected else None
    return ToolCall(id="1", name=name, arguments=arguments, rejection=rejection)


@pytest.mark.parametrize(
    ("calls", "right"),
    [
        ([call('{"city": "Paris"}')], True),
        ([call('{"city": "Paris, France"}')], True),
        ([], False),
        ([call('{"city": "Paris"}'), call('{"city": "Paris"}')], False),
        ([call('{"city": "Lima"}')], False),
        ([call('{"city": "Paris", "unit": "C"}')], False),
        ([call('{"city": "Paris"}', name="weather")], False),
        ([call('{"city": "Paris"}', rejected=True)], False),
        ([call('{"city": ')], False),
        ([call("[1]")], False),
    ],
)
def test_a_right_call(calls: list[ToolCall], right: bool) -> None:
    assert is_right_call(calls, "Paris") is right


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        ('{"sum": 42}', True),
        ('{"sum": 41}', True),
        ('{"sum": "42"}', False),
        ('{"sum": true}', False),
        ('{"sum": 42, "why": ""}', False),
        ("42", False),
        ('```json\n{"sum": 42}\n```', False),
    ],
)
def test_an_answer_that_follows_the_schema(text: str, follows: bool) -> None:
    assert follows_schema(text) is follows
