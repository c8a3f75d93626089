"""What the console's palette offers and finds, in Node."""

from pathlib import Path
from typing import Any

from tests.support.node import call_console_functions

COMMANDS = "palette/commands.js"
DEAD = "operate/dead_words.js"
KNOWN: dict[str, Any] = {
    "isOperator": True,
    "parts": None,
    "isStopped": False,
    "lanes": [{"lane": "gpt-4o", "paused": True}, {"lane": "cio", "paused": False}],
    "models": ["gpt-4o"],
    "projects": ["shop & <b>"],
    "keys": [{"id": "k1", "name": "ci"}],
}


def list_commands(folder: Path, **changes: object) -> list[dict[str, str]]:
    [found] = call_console_functions(folder, COMMANDS, ("listCommands", KNOWN | changes))
    return list(found)


def test_actions_lead_to_the_question_before_them(tmp_path: Path) -> None:
    found = {each["label"]: each["address"] for each in list_commands(tmp_path)}

    assert found["Retry what failed since 12:00"] == "#/dead?time=noon&do=retry"
    assert found["Resume lane gpt-4o"] == "#/queue?resume=gpt-4o"
    assert found["Pause lane cio"] == "#/queue?pause=cio"
    assert found["Stop spending"] == "#/limits?do=stop"
    assert found["New key"] == "#/keys?do=create"
    assert found["Revoke key ci"] == "#/keys?revoke=k1"
    assert found["Set a cap for project shop & <b>"] == "#/projects?cap=shop+%26+%3Cb%3E"


def test_other_readers_are_offered_what_they_may_do(tmp_path: Path) -> None:
    found = {each["label"]: each["address"] for each in list_commands(tmp_path, isOperator=False)}

    assert found["Retry what failed since 12:00"] == "#/tasks?status=failed&time=noon&do=retry"
    assert not {"Stop spending", "New key", "Queue", "Dead letters"} & set(found)
    hidden = list_commands(tmp_path, isOperator=False, parts=[])
    assert {each["kind"] for each in hidden} <= {"model", "project"}


def test_words_are_found_in_any_order_and_beginnings_come_first(tmp_path: Path) -> None:
    commands = list_commands(tmp_path)

    def find(text: str) -> list[str]:
        [found] = call_console_functions(tmp_path, COMMANDS, ("findCommands", commands, text))
        return [each["label"] for each in found]

    assert find("QUEUE")[0] == "Queue"
    assert find("shop cap") == ["Set a cap for project shop & <b>"]
    assert find("resume")[0] == "Resume lane gpt-4o"
    assert find("red button") == ["Stop spending"]
    assert find("nothing of this") == []


def test_groups_of_dead_letters_are_summed_by_reason(tmp_path: Path) -> None:
    def group(error: str, lane: str, letters: int, last: str) -> dict[str, object]:
        return {
            "error_class": error,
            "lane": lane,
            "type": "CHAT",
            "letters": letters,
            "tasks": letters,
            "last_at": last,
        }

    groups = [group("timeout", "a", 2, "1"), group("refused", "a", 3, "2")]
    groups.append(group("timeout", "b", 5, "3"))

    [summed, of_a, of_none] = call_console_functions(
        tmp_path,
        DEAD,
        ("sumGroups", groups),
        ("countLetters", groups, {"lane": "a", "type": None}),
        ("countLetters", groups, {"error_class": "x"}),
    )

    assert summed == [
        {"error": "timeout", "letters": 7, "lanes": ["a", "b"], "last": "3"},
        {"error": "refused", "letters": 3, "lanes": ["a"], "last": "2"},
    ]
    assert (of_a, of_none) == (5, 0)
