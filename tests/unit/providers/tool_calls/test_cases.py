import json
import re
from collections import defaultdict
from typing import Any

import pytest

from providers.tool_calls import ChunkParser, Extractor, Intent, Message, extract
from tests.support.tool_calls.cases import TOOLS, load_cases
from tests.support.tool_calls.corpus import GRAMMARS, Call

_CHUNKS = ("openai_chunks", "ollama_chunks")

_CASES: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _case in load_cases():
    _CASES[_case["format"]].append(_case)


def _read(case: dict[str, Any]) -> Message:
    options = {"family": case["family"], "prefix": case.get("prefix", "")}
    if case["format"] in _CHUNKS:
        parser = ChunkParser(case["tools"], **options)
        for chunk in case["stream_chunks"]:
            parser.feed(chunk)
        return parser.finish()
    reason = case.get("finish_reason")
    return extract(_join(case), case["tools"], finish_reason=reason, **options)


def _join(case: dict[str, Any]) -> str:
    return case["text"] if "text" in case else "".join(case["stream_chunks"])


def _summarize(message: Message) -> dict[str, Any]:
    return {
        "content": " ".join(message.content.split()),
        "reasoning": " ".join(message.reasoning.split()),
        "tool_calls": [
            {"name": each.name, "arguments": each.arguments} for each in message.tool_calls
        ],
        "rejected": [{"name": each.name, "reason": each.reason} for each in message.rejected],
    }


def _expect(case: dict[str, Any]) -> dict[str, Any]:
    expected: dict[str, Any] = {"rejected": []} | case["expect"]
    for key in ("content", "reasoning"):
        expected[key] = " ".join(expected[key].split())
    return expected


def _distinguish(value: Any) -> str:
    """Return the value as text in which true is not 1, and 3 is 3.0."""
    return json.dumps(
        json.loads(json.dumps(value), parse_int=float), sort_keys=True, ensure_ascii=False
    )


@pytest.mark.parametrize("form", _CASES)
def test_the_cases_of_a_format_are_read_as_the_rules_say(form: str) -> None:
    wrong = {
        case["id"]: (_join(case) if form not in _CHUNKS else "", _summarize(message))
        for case in _CASES[form]
        if _distinguish(_summarize(message := _read(case))) != _distinguish(_expect(case))
    }

    assert not wrong


@pytest.mark.parametrize("form", [each for each in _CASES if each not in _CHUNKS])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_cases_are_read_alike_in_pieces(form: str, size: int) -> None:
    for case in _CASES[form]:
        text = _join(case)
        prefix = case.get("prefix", "")
        extractor = Extractor(case["tools"], family=case["family"], prefix=prefix)
        for at in range(0, len(text), size):
            extractor.feed(text[at : at + size])

        assert extractor.finish(case.get("finish_reason")) == _read(case), case["id"]


@pytest.mark.parametrize("name", ["qwen3_xml", "minimax", "glm"])
def test_a_missing_end_tag_takes_no_other_call_and_invents_no_arguments(name: str) -> None:
    calls: list[Call] = [
        ("write_file", {"path": "a.html", "content": "<b>a</b>\nb"}),
        ("get_weather", {"city": "Oslo"}),
        ("now", {}),
    ]
    text = GRAMMARS[name].write(calls)

    for tag in re.finditer("\n?</(?!b>)[^>]*>", text):
        message = extract(text[: tag.start()] + text[tag.end() :], TOOLS, family=name)

        assert all((call.name, call.arguments) in calls for call in message.tool_calls)
        named = [call.name for call in message.tool_calls]
        named += [str(each.name) for each in message.rejected]
        assert sorted(named) == ["get_weather", "now", "write_file"]


_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "run_analysis",
            "parameters": {
                "type": "object",
                "properties": {"variables": {"type": "array", "items": {"type": "string"}}},
            },
        },
    }
]


def test_a_sentence_that_names_a_tool_with_arguments_is_an_intent() -> None:
    text = "First:\nI'll use the run_analysis tool with variables=['var1']."

    message = extract(text, _TOOLS)

    assert message.tool_calls == ()
    assert message.content == text
    line = "I'll use the run_analysis tool with variables=['var1']."
    assert message.intent == Intent("run_analysis", line)


@pytest.mark.parametrize(
    "text",
    [
        "I'll use the run_analysis tool.",
        "run_analysis has the parameter variables.",
        "I'll use run_analysis2 with variables=['var1'].",
        "```\nuse run_analysis with variables=['var1']\n```",
    ],
)
def test_a_sentence_without_arguments_or_in_code_is_no_intent(text: str) -> None:
    assert extract(text, _TOOLS).intent is None


def test_repairs_are_recorded() -> None:
    text = "<tool_call>{'name': 'run_analysis', 'arguments': {'variables': \"['a',]\",}}"

    [call] = extract(text, _TOOLS).tool_calls

    assert call.arguments == {"variables": ["a"]}
    assert call.repairs == ("single_quotes", "trailing_comma", "missing_end", "type")


def test_native_ids_are_kept() -> None:
    kimi = (
        "<|tool_call_begin|>functions.run_analysis:3<|tool_call_argument_begin|>{}<|tool_call_end|>"
    )
    mistral = '[TOOL_CALLS][{"name": "run_analysis", "arguments": {}, "id": "abcdefghi"}]'

    ids = [extract(text, _TOOLS).tool_calls[0].id for text in (kimi, mistral)]

    assert ids == ["functions.run_analysis:3", "abcdefghi"]


def test_repairs_of_arguments_in_a_string_are_recorded() -> None:
    text = '<tool_call>{"name": "run_analysis", "arguments": "{\'variables\': []}"}</tool_call>'

    [call] = extract(text, _TOOLS).tool_calls

    assert (call.arguments, call.repairs) == ({"variables": []}, ("single_quotes",))


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": 5},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.org/schema"},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": 5}},
        {"properties": {"a": {"type": "\ud800"}}},
    ],
)
def test_a_call_of_a_tool_without_a_usable_schema_is_rejected(parameters: dict[str, Any]) -> None:
    tools = [{"name": "ping", "parameters": parameters}]

    message = extract('<tool_call>{"name": "ping", "arguments": {"a": "1"}}</tool_call>', tools)

    assert [each.reason for each in message.rejected] == ["schema"]


def test_what_is_no_tool_is_not_offered() -> None:
    tools = [None, 5, {"function": 3}, {"name": 4}, {"function": {"name": "ping"}}]

    message = extract("<tool_call>ping</tool_call>", tools)

    assert [call.name for call in message.tool_calls] == ["ping"]


_PING = [{"name": "ping", "parameters": {"type": "object"}}]
_QUOTED = "<tool_use>\ntool_name: ping\narguments: {}\n</tool_use>"


@pytest.mark.parametrize(
    "text",
    [
        f'<tool_result name="page">\n{_QUOTED}\n</tool_result>',
        f'The page says:\n<tool_result name="page">\n{_QUOTED}\n</tool_result>\nI stop here.',
        '<tool_response>\n<tool_call>{"name": "ping"}</tool_call>\n</tool_response>',
        f'<think>\n<tool_result name="page">\n{_QUOTED}\n</tool_result>\n</think>No.',
        f'<tool_result name="page">\n{_QUOTED}\nI stop here.',
        f"The page says:\n<tool_response>\nx\n</think>\n{_QUOTED}",
        f"<think>\n<tool_result>\n{_QUOTED}\n</think>No.",
        f"[TOOL_RESULTS]\n{_QUOTED}",
        f"<｜tool▁outputs▁begin｜>\n{_QUOTED}\n<｜tool▁outputs▁end｜>",
        f"<tool_result>\n{_QUOTED}\n{'x' * 200_000}\n{_QUOTED}",
        '<tool_result>\n{"name": "ping", "arguments": {}}',
        "<tool_result>\n<|channel|>commentary to=functions.ping<|message|>{}<|call|>",
    ],
)
def test_a_call_in_a_result_that_the_model_repeats_is_not_its_own(text: str) -> None:
    message = extract(text, _PING)

    assert (message.tool_calls, message.rejected) == ((), ())
    for size in (1, 7, 1_000):
        if len(text) < 500 * size:
            assert _feed(text, size) == message


def _feed(text: str, size: int) -> Message:
    extractor = Extractor(_PING)
    for at in range(0, len(text), size):
        extractor.feed(text[at : at + size])
    return extractor.finish()


@pytest.mark.parametrize(
    "text",
    [
        f'<tool_result name="page">\nnothing\n</tool_result>\n{_QUOTED}',
        f"<tool_result\n{_QUOTED}",
        f"<tool_result/>\n{_QUOTED}",
        f"<think>\n<tool_result>\nnothing\n</think>\n{_QUOTED}",
        f"[TOOL_RESULTS]\nnothing\n[/TOOL_RESULTS]\n{_QUOTED}",
        f"<|tool_response>nothing<tool_response|>\n{_QUOTED}",
        f"I saw <tool_result> in it.\n{_QUOTED}",
        f"<think>\n<tool_result\n</think>\n{_QUOTED}\n</tool_result>",
    ],
)
def test_a_call_outside_of_a_repeated_result_is_the_models(text: str) -> None:
    assert [each.name for each in extract(text, _PING).tool_calls] == ["ping"]
