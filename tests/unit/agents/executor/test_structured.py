"""Answers that must be data of a schema."""

from typing import Any

import pytest

from agents.executor.output_checks import Checker
from agents.executor.request import build_request
from agents.executor.structured import InvalidData, parse_data
from agents.runtime.failed_attempts import list_failed_attempts
from agents.workflows.params.step_params import CODE_TYPES, EXTRACT_CODE, RESPONSE_SCHEMA
from protocol.ids import utc_now
from protocol.records import ClaimedSubtask, FailureAction
from providers.chat import TextDelta, TokenUsage
from tests.support.agents.executor_harness import STOP, ExecutorHarness
from tests.support.agents.subtasks import a_subtask

SCHEMA = {
    "type": "object",
    "properties": {"line": {"type": "integer"}},
    "required": ["line"],
}


def asked(**fields: Any) -> ClaimedSubtask:
    params = {"generation_prompt": "Find it.", RESPONSE_SCHEMA: SCHEMA}
    return a_subtask(type="ANALYZE_CODE", lane="ollama/some-model", params=params, **fields)


def failed_before() -> dict[str, Any]:
    return {
        "attempt": 1, "model_id": "ollama/some-model", "outcome": "failed",
        "started_at": utc_now(), "ended_at": utc_now(),
        "error": {"class": "invalid_answer", "message": '$.line: "x" is not of type "integer"'},
    }  # fmt: skip


def test_the_request_has_the_schema_and_later_the_prompt_and_the_mistake_too() -> None:
    first = build_request(asked())
    second = build_request(asked(failures=1, history=[failed_before()]))

    assert first.response_schema == SCHEMA
    assert first.messages[-1].content == "Find it."
    assert '"required": ["line"]' in str(second.messages[-1].content)
    assert "not accepted" not in str(first.messages[-1].content)
    assert 'not accepted: $.line: "x" is not of type' in str(second.messages[-1].content)


@pytest.mark.parametrize("last", ["user", "assistant"])
def test_a_conversation_gets_the_mistake_at_its_end(last: str) -> None:
    turns = [{"role": "user", "content": "Find it."}, {"role": last, "content": "Again."}]
    params = {"generation_prompt": "t", "messages": turns, RESPONSE_SCHEMA: SCHEMA}
    claimed = a_subtask(params=params, failures=1, history=[failed_before()])

    messages = build_request(claimed).messages

    assert [each.role for each in messages] == ["user", last] + ["user"] * (last != "user")
    assert "not accepted: $.line" in str(messages[-1].content)


async def test_the_output_has_the_data() -> None:
    harness = ExecutorHarness(TextDelta('Here:\n```json\n{"line": 7}\n```'), TokenUsage(), STOP)

    completion = await harness.execute(asked())

    assert completion.output["data"] == {"line": 7}
    assert "verification" not in completion.output


@pytest.mark.parametrize(("failures", "action"), [(0, FailureAction.RETRY), (1, "give_up")])
async def test_an_answer_that_does_not_fit_gets_one_more_try(
    failures: int, action: FailureAction
) -> None:
    harness = ExecutorHarness(TextDelta('{"line": "x"}'), TokenUsage(output=3), STOP)
    claimed = asked(failures=failures, history=[failed_before()] * failures)
    assert len(list_failed_attempts(claimed)) == failures

    failure = await harness.failure(claimed)

    assert failure.error.class_ == "invalid_answer"
    assert failure.error.message == '$.line: "x" is not of type "integer"'
    assert failure.action == action
    assert failure.output is not None
    assert failure.output.content == '{"line": "x"}'
    assert failure.usage is not None
    assert failure.usage.output_tokens == 3


@pytest.mark.parametrize(
    "text",
    [
        '{"line": 7}',
        'The answer is {"line": 7}, as you see.',
        'Not {this} but:\n~~~\n{"line": 7}\n~~~\n',
        '<think>{"line": 1}</think>\n{"line": 7}',
        '```json\n{"other": []}\n```\nNo:\n```json\n{"line": 7, "why": "counted"}\n```',
        '\ufeff{"line": 7}',
        '\ufeff\r\n```JSON\r\n{"line": 7}\r\n```',
        'As [1] and [2, p. 3] say: {"line": 7}. I hope that {this} helps.',
        '{"line": 7}\n\nI hope that this helps!',
        '```json\n{"line": 7}',
    ],
)
async def test_data_is_found_in_what_models_write(text: str) -> None:
    async with Checker() as checker:
        data = await parse_data(text, SCHEMA, checker)

    assert isinstance(data, dict)
    assert data["line"] == 7


@pytest.mark.parametrize(
    ("text", "schema", "problem"),
    [
        ("I cannot.", SCHEMA, "it is not JSON"),
        ("", SCHEMA, "it is not JSON"),
        ("{" + ",".join(f'"{n}":1' for n in [*range(90_000), 9]) + "}", {}, 'key "9" twice'),
        ('{"line": null}', SCHEMA, '$.line: null is not of type "integer"'),
        ("[" * 100_000, SCHEMA, "is nested more than 100 levels deep"),
        ('{"a":' * 100_000, SCHEMA, "is nested more than 100 levels deep"),
        ('{"line": Infinity}', {}, "Infinity is no number of JSON"),
        ('{"line": -Infinity}', {}, "-Infinity is no number of JSON"),
        ('{"line": NaN}', {}, "NaN is no number of JSON"),
        ('{"line": 1e999}', {}, "it holds a number beyond"),
        ('{"line": ' + "1" * 400 + "}", {}, "it holds a number beyond"),
        ('{"line": ' + "1" * 5_000 + "}", {}, "it holds a number beyond"),
        ('{"line": 1, "line": 2}', {}, 'an object has the key "line" twice'),
        ('So: {"a": {"line": 1, "line": 2}}.', {}, 'an object has the key "line" twice'),
        ("[" * 101 + "]" * 101, {}, "is nested more than 100 levels deep"),
        ('[{"a": ' * 400 + "1" + "}]" * 400, {}, "is nested more than 100 levels deep"),
        ('{"a": oops, "b": {"line": 7}}', {}, "it is not JSON"),
        ('{"why": "cut", "b": {"line": 7}, "c": [1, 2', {}, "it is not JSON"),
        ('Here: [{"line": 7}, {"line": ]', {}, "it is not JSON"),
        ('"' + "a" * 2_000_000 + '"', {}, "it has 2000002 characters; at most 2000000 are read"),
        ('[{"line": 7}, {"line": 8}]', SCHEMA, 'is not of type "object"'),
        ('{"line": 7}\n{"line": true}', {"minProperties": 2}, "has less than 2 properties"),
        ("{}", {"type": "nonsense"}, '"nonsense" is not one of'),
        ("{}", {"$ref": "https://example.org/schema.json"}, "retrieving it failed"),
        ("7", {"$ref": "#", "type": "string"}, '$: 7 is not of type "string"'),
    ],
)
async def test_what_is_wrong_is_said(text: str, schema: dict[str, Any], problem: str) -> None:
    async with Checker() as checker:
        with pytest.raises(InvalidData) as invalid:
            await parse_data(text, schema, checker)

    assert problem in str(invalid.value)
    assert len(str(invalid.value)) <= 500


async def test_characters_that_cannot_be_stored_are_replaced() -> None:
    async with Checker() as checker:
        assert await parse_data('["a\\u0000b\\ud800"]', {}, checker) == ["a\ufffdb\ufffd"]


async def test_code_is_extracted_where_the_step_wants_it() -> None:
    params = {"generation_prompt": "Write tests.", EXTRACT_CODE: True}
    claimed = a_subtask(type="ANALYZE_CODE", lane="ollama/some-model", params=params)
    harness = ExecutorHarness(TextDelta("```py\nx = 1\n```"), TokenUsage(), STOP)

    completion = await harness.execute(claimed)

    assert completion.output["files"] == {"solution.py": "x = 1\n"}


@pytest.mark.parametrize("type_", sorted(CODE_TYPES))
async def test_an_answer_with_a_schema_is_data_whatever_the_task_is_about(type_: str) -> None:
    params = {"generation_prompt": "Give the result below as data.", RESPONSE_SCHEMA: SCHEMA}
    claimed = a_subtask(type=type_, lane="ollama/some-model", params=params)
    harness = ExecutorHarness(TextDelta('{"line": 7}'), TokenUsage(), STOP)

    completion = await harness.execute(claimed)
    request = build_request(claimed)

    assert completion.output["data"] == {"line": 7}
    assert not {"code", "files", "language"} & completion.output.keys()
    assert (request.temperature, request.top_p, request.system) == (None, None, None)
