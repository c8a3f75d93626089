"""What the console says about questions and AI columns, in Node."""

from pathlib import Path
from typing import Any, Final

from tests.support.node import call_console_functions, run_console_module

ALICE: Final = "aaaaaaaa-1111-4111-8111-111111111111"
BOB: Final = "bbbbbbbb-1111-4111-8111-111111111111"
COLUMN_WORDS: Final = {"describeState", "describeCounts", "formatKey", "groupFailures"}


def call(folder: Path, name: str, *values: object) -> list[Any]:
    """Call a function once with each value."""
    module = "columns/words.js" if name in COLUMN_WORDS else "inbox/words.js"
    return call_console_functions(folder, module, *((name, each) for each in values))


def a_column(**fields: object) -> dict[str, object]:
    numbers: dict[str, object] = dict.fromkeys(
        ("pending", "asked", "done", "stale", "failed", "kept"), 0
    )
    return numbers | {"max_usd_per_day": None} | fields


def test_who_may_answer_includes_those_to_whom_a_question_was_passed_on(tmp_path: Path) -> None:
    said = call(
        tmp_path,
        "describeApprovers",
        {"by": None, "owner": None},
        {"by": None, "owner": ALICE},
        {"by": BOB, "owner": ALICE},
        {"by": "operators", "owner": ALICE},
        {"by": ALICE, "owner": ALICE, "escalate_to": BOB, "escalated_at": None},
        {"by": ALICE, "owner": ALICE, "escalate_to": BOB, "escalated_at": "2026-01-01"},
        {"by": ALICE, "owner": ALICE, "escalate_to": "operators", "escalated_at": "2026-01-01"},
    )

    assert said == [
        "operators",
        "the user aaaaaaaa or operators",
        "the user bbbbbbbb or operators",
        "operators",
        "the user aaaaaaaa or operators",
        "the user aaaaaaaa or the user bbbbbbbb or operators",
        "the user aaaaaaaa or operators",
    ]


def test_the_end_of_a_question_says_who_and_what(tmp_path: Path) -> None:
    answered = {"answered_at": "2026-01-01", "answered_by": BOB, "approved": True}
    asked = {"call_id": "c", "show": {"choices": ["a"]}}
    hostile = "\u202eon"

    said = call(
        tmp_path,
        "describeEnd",
        None,
        {"show": None},
        {"withdrawn_at": "2026-01-01"},
        {"withdrawn_at": "2026-01-01", "withdrawn_reason": "the cap was raised"},
        answered,
        answered | {"answered_by": None, "approved": False, "comment": hostile},
        answered | {"answered_by": None, "answered_who": "cli:anna@host"},
        answered | asked | {"approved": False},
        answered | {"answered_by": None, "approved": False, "answered_via": "expiry"},
    )

    assert said == [
        "It no longer waits for your answer.",
        "It no longer waits for your answer.",
        "It was withdrawn before anybody answered.",
        "It was withdrawn before anybody answered: the cap was raised",
        "Approved by the user bbbbbbbb.",
        "Refused by an operator: <U+202E>on",
        "Approved by the operator cli:anna@host.",
        "Answered by the user bbbbbbbb: no",
        "Refused, since nobody answered in time.",
    ]


def test_a_column_says_what_it_does_and_why_it_does_not(tmp_path: Path) -> None:
    said = call(
        tmp_path,
        "describeState",
        a_column(standing_still="the table has another owner", paused_at="2026-01-01", pending=1),
        a_column(paused_at="2026-01-01", paused_reason="audit"),
        a_column(paused_at="2026-01-01", paused_reason="paused by an operator"),
        a_column(paused_until="2026-01-01T00:00:00Z", paused_reason="the cap is spent."),
        a_column(paused_until=None, paused_reason="the cap for ever is spent"),
        a_column(error="relation is gone", pending=1),
        a_column(pending=1, done=5),
        a_column(done=5, failed=1, stale=1),
        a_column(done=5, stale=1),
        a_column(done=5, kept=1),
    )

    assert [(each["word"], each["why"], each.get("until")) for each in said] == [
        ("standing still", "The table has another owner.", None),
        ("paused", "Paused by an operator: audit.", None),
        ("paused", "Paused by an operator.", None),
        ("paused", "The cap is spent.", "2026-01-01T00:00:00Z"),
        ("paused", "The cap for ever is spent.", None),
        ("failing", "Relation is gone.", None),
        ("working", None, None),
        ("some failed", None, None),
        ("some stale", None, None),
        ("up to date", None, None),
    ]


def test_a_bar_shows_each_state_that_has_cells_and_is_full(tmp_path: Path) -> None:
    few = a_column(done=1_000_000, failed=1, pending=1, asked=1)

    parts, nothing = call_console_functions(
        tmp_path, "columns/words.js", ("divideBar", few, 100), ("divideBar", a_column(), 100)
    )
    [counts, none] = call(tmp_path, "describeCounts", few, a_column())

    assert [each["state"] for each in parts] == ["done", "pending", "failed"]
    assert all(each["width"] >= 1 for each in parts)
    assert round(parts[-1]["x"] + parts[-1]["width"], 6) == 100
    assert nothing == []
    assert counts == "1,000,000 done, 1 pending (1 asked for), 1 failed"
    assert none == "no cells yet"


def test_keys_of_any_shape_are_short_and_harmless(tmp_path: Path) -> None:
    keys = [[17], {"region": "eu", "id": 5}, "x" * 100, [None, True, {"a": 1}], ["\u202ea\nb"]]

    assert call(tmp_path, "formatKey", *keys) == [
        "17",
        "eu / 5",
        f"{'x' * 60}…",
        'null / true / {"a":1}',
        "<U+202E>a b",
    ]


def test_failures_are_grouped_by_reason_with_a_few_examples(tmp_path: Path) -> None:
    cells = [{"key": [each], "reason": "too long"} for each in range(5)]
    cells.insert(0, {"key": [9], "reason": None})  # type: ignore[dict-item]

    [groups] = call(tmp_path, "groupFailures", cells)

    assert [(each["reason"], each["cells"]) for each in groups] == [
        ("too long", 5),
        ("no reason was recorded", 1),
    ]
    assert [each["key"] for each in groups[0]["examples"]] == [[0], [1], [2]]


def test_an_estimate_says_what_it_rests_on_and_how_long_the_cap_makes_it(tmp_path: Path) -> None:
    daily = a_column(max_usd_per_day="2")

    def estimate(cells: int, usd: float | None, base: int, column: object) -> tuple[object, ...]:
        low, high = (None, None) if usd is None else (usd * 0.9, usd * 1.1)
        costs = {"low": low, "expected": usd, "high": high, "based_on": base}
        return "describeEstimate", {"cells": cells, "estimate": costs}, column

    said = call_console_functions(
        tmp_path,
        "columns/words.js",
        estimate(0, 0.0, 3, daily),
        estimate(10, None, 0, daily),
        estimate(1, 0.001, 1, daily),
        estimate(12_345, 3.83, 200, daily),
        estimate(12_345, 3.83, 200, a_column()),
    )

    assert said == [
        "No row is concerned: there is nothing to ask for.",
        "10 rows. What they cost is not known: no answer of this version was paid yet.",
        "1 row, about $0.00100, by 1 answer.",
        "12,345 rows, about $3.83 ($3.45 to $4.21), by 200 answers."
        " With $2.00 a day that takes about 2 days.",
        "12,345 rows, about $3.83 ($3.45 to $4.21), by 200 answers.",
    ]


def test_an_error_tells_a_hint_that_is_not_on_the_page_already(tmp_path: Path) -> None:
    error = {"message": "no key", "hint": "run `cogo init`"}
    told = call_console_functions(
        tmp_path,
        "lib/format.js",
        ("explain", error),
        ("explain", error, "run `cogo init`"),
        ("explain", error, "another"),
        ("explain", {"class": "timeout"}),
    )
    whole = "no key \N{EN DASH} run `cogo init`"
    assert told == [whole, "no key", whole, "timeout"]


def test_the_models_that_were_tried_are_named(tmp_path: Path) -> None:
    def tried(*models: str | None) -> list[dict[str, str | None]]:
        return [{"model_id": each} for each in models]

    told = call_console_functions(
        tmp_path,
        "task/facts.js",
        ("nameModels", {"model": None}, tried(None)),
        ("nameModels", {"model": None}, tried("a", None, "a", "b")),
        ("nameModels", {"model": "a"}, tried("a")),
        ("nameModels", {"model": "auto"}, tried("a", "b", "c", "d", "e")),
    )
    assert told == ["auto", "auto: a, b", "a", "auto: a, b, c and 2 more"]


def test_commands_in_backticks_are_code(tmp_path: Path) -> None:
    program = """
    const { Said } = await import(process.argv[1]);
    const parts = Said({ text: JSON.parse(process.argv[2]) });
    console.log(JSON.stringify(parts.map((each) => each.type ? [each.type, each.props] : each)));
    """

    def drawn(said: str) -> Any:
        return run_console_module(tmp_path, "lib/said.js", program, said)

    code = ["code", {"children": "cogo up"}]
    assert drawn("Run `cogo up`, then ask.") == ["Run ", code, ", then ask."]
    assert drawn("one ` and no more") == ["one ` and no more"]
