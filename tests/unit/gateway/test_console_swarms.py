"""What the console shows of swarms, in Node: what is said, as on the command line."""

import json
from pathlib import Path

from cogo.watch.said import format_said
from tests.support.node import call_console_functions

ANSWER = {
    "verdict": 'Yes, in "small" steps \U0001f680',
    "reasons": ["a, b [c]", "it is {easy}: so\nbegin", "tab\tand \\ and \u00e9"],
    "steps": [{"name": "plan", "days": 2}, {"name": "do", "days": None}, [1, [2]]],
    "confidence": 70,
}
ODD = ["", "text {with} braces", '```json\n{"a": 1}\n```', "{]", "{}}", "{:,]", '{"', '{"\\',
       '{"a":"\\u12', "{" * 2000, "{,", '  {"a": tru', '{"a":"line\nbreak']  # fmt: skip


def test_the_console_shows_data_as_the_command_line_does_also_its_beginning(
    tmp_path: Path,
) -> None:
    whole, escaped = json.dumps(ANSWER, ensure_ascii=False), json.dumps(ANSWER)
    texts = [whole[:end] for end in range(len(whole) + 1)] + [escaped, *ODD]

    shown = call_console_functions(
        tmp_path, "task/said.js", *(("formatSaid", each) for each in texts)
    )

    for text, said in zip(texts, shown, strict=True):
        assert said == format_said(text), text
