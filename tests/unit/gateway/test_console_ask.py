"""What the console's form makes of its fields, and of another task, in Node."""

from pathlib import Path
from typing import Final

from tests.support.node import call_console_functions

TASK: Final = {
    "prompt": "Say it again",
    "type": "CHAT",
    "model": None,
    "preferences": {"preference": "speed"},
    "budget_usd": "0.50",
    "project": "shop",
    "tags": ["a", "b c"],
    "stream": True,
    "params": {
        "tools": ["cogo:list_files", 7],
        "response_schema": {"type": "object"},
        "attachments": [{"url": "data:text/plain,x", "name": "x.txt"}, {"path": "y"}],
        "on_budget": "ask",
    },
}


def test_a_form_that_begins_with_a_task_asks_for_the_same(tmp_path: Path) -> None:
    [draft] = call_console_functions(tmp_path, "ask/request.js", ("fromTask", TASK))
    body, bare = call_console_functions(
        tmp_path,
        "ask/request.js",
        ("buildBody", draft, {"type": "object"}),
        ("buildBody", draft | {"project": " ", "tags": " ,", "budget": "", "files": []}, None),
    )

    assert body == {
        "prompt": "Say it again",
        "type": "CHAT",
        "model": "auto",
        "stream": True,
        "preferences": {"preference": "speed"},
        "budget_usd": "0.50",
        "project": "shop",
        "tags": ["a", "b c"],
        "params": {
            "tools": ["cogo:list_files"],
            "response_schema": {"type": "object"},
            "attachments": [{"url": "data:text/plain,x", "name": "x.txt"}],
            "on_budget": "ask",
        },
    }
    assert bare.keys() == body.keys() - {"project", "tags", "budget_usd"}


def test_tags_are_split_at_commas_and_a_schema_is_an_object(tmp_path: Path) -> None:
    found = call_console_functions(
        tmp_path,
        "ask/request.js",
        ("splitTags", " b, a,,b , c d "),
        ("readSchema", " "),
        ("readSchema", "[1]"),
        ("readSchema", "{"),
    )

    assert found[0] == ["b", "a", "c d"]
    assert found[1] == {"schema": None}
    assert found[2]["problem"].startswith("A JSON Schema is an object")
    assert found[3]["problem"].startswith("The JSON Schema is not JSON")
