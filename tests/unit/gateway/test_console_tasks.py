"""The filters, times and bulk actions of the console's table of tasks, in Node."""

import json
from pathlib import Path
from typing import Any, Final

from tests.support.node import call_console_functions, run_console_module

FILTERS: Final = """
const module = await import(process.argv[1]);
const { buildFilterObject, buildPage, describeFilters, removeFilter } = module;
const query = new URLSearchParams(JSON.parse(process.argv[2]));
const now = Date.parse("2026-03-10T12:00:00Z");
const chips = describeFilters(query);
console.log(JSON.stringify({
  page: buildPage(query, now),
  filter: buildFilterObject(query, now),
  chips: chips.map(({ text }) => text),
  without: chips.map((chip) => removeFilter(query, chip)[chip.name]),
}));
"""
HOSTILE: Final = "<b>\u202e&a=1#\u0000"


def read_filters(folder: Path, address: str) -> dict[str, Any]:
    """Return what an address means: the query of a page, the filter of bulk actions, and chips."""
    found: dict[str, Any] = run_console_module(folder, "tasks/filters.js", FILTERS, address)
    return found


def test_filters_of_an_address_are_those_of_the_gateway(tmp_path: Path) -> None:
    address = "status=failed&status=held&type=CHAT&project=none&tag=a&tag=b&owner=none"
    more = "&min_cost=0.5&dead=true&q=two+words&time=24h&before=77"

    found = read_filters(tmp_path, address + more)

    assert found["page"] == (
        "status=failed&status=held&type=CHAT&owner=none&project=none&tag=a&tag=b&q=two+words"
        "&min_cost=0.5&dead=true&since=2026-03-09T12%3A00%3A00.000Z&limit=100&before=77"
    )
    assert found["filter"] == {
        "status": ["failed", "held"],
        "type": ["CHAT"],
        "owner": ["none"],
        "project": ["none"],
        "tag": ["a", "b"],
        "q": "two words",
        "min_cost": "0.5",
        "dead": True,
        "since": "2026-03-09T12:00:00.000Z",
    }
    assert found["chips"] == [
        "status: failed",
        "status: held",
        "type: CHAT",
        "without owner",
        "without project",
        "tag: a",
        "tag: b",
        "the last 24 hours",
        "“two words”",
        "at least $0.500",
        "with dead letters",
    ]
    assert found["without"][:2] == [["held"], ["failed"]]
    assert found["without"][-1] is None


def test_a_time_that_cannot_be_read_is_left_to_the_gateway_to_refuse(tmp_path: Path) -> None:
    found = read_filters(tmp_path, "since=soon&until=2026-03-01T00:00Z")
    other = read_filters(tmp_path, "time=9x")

    assert found["page"] == "since=soon&until=2026-03-01T00%3A00%3A00.000Z&limit=100"
    assert other["page"] == "since=9x&limit=100"
    assert [*found["chips"][:1], *other["chips"]] == ["since soon", "time: 9x"]


def test_yesterday_is_from_midnight_to_midnight(tmp_path: Path) -> None:
    wanted = read_filters(tmp_path, "time=yesterday")["filter"]

    assert wanted["since"] < wanted["until"]
    assert (wanted["since"][11:], wanted["until"][11:]) == ("00:00:00.000Z", "00:00:00.000Z")


def test_noon_is_the_one_that_was_last(tmp_path: Path) -> None:
    found = read_filters(tmp_path, "time=noon&asking=true")

    assert found["filter"] == {"since": "2026-03-10T12:00:00.000Z", "asking": True}
    assert found["chips"] == ["since noon", "waits for a person"]


def test_only_what_a_selected_task_allows_is_offered(tmp_path: Path) -> None:
    program = """
    const { listActions } = await import(process.argv[1]);
    const [asking, ...all] = JSON.parse(process.argv[2]);
    const asks = (id) => asking.includes(id);
    const build = (status) => ({ id: status, status });
    console.log(JSON.stringify(all.map((each) => listActions(each.map(build), asks))));
    """
    selected = [
        ["completed", "cancelled"],
        ["failed"],
        ["held"],
        ["running", "failed"],
        ["pending"],
    ]

    found = run_console_module(tmp_path, "tasks/bulk_words.js", program, [["held"], *selected])

    assert found == [
        [],
        ["retry"],
        ["cancel", "resume", "approve", "refuse"],
        ["cancel", "retry", "pause"],
        ["cancel", "pause"],
    ]


def test_hostile_values_of_an_address_stay_values(tmp_path: Path) -> None:
    address = "tag=%3Cb%3E%E2%80%AE%26a%3D1%23%00&nonsense=1&limit=9999"

    found = read_filters(tmp_path, address)

    assert found["filter"] == {"tag": [HOSTILE]}
    assert found["page"] == "tag=%3Cb%3E%E2%80%AE%26a%3D1%23%00&limit=100"


def test_a_range_is_selected_in_both_directions(tmp_path: Path) -> None:
    tasks = [{"id": each} for each in "abcde"]
    calls = [
        ("findRange", tasks, *ends) for ends in (("b", "d"), ("d", "b"), (None, "c"), ("z", "e"))
    ]

    found = call_console_functions(tmp_path, "tasks/selection.js", *calls)

    assert ["".join(each["id"] for each in row) for row in found] == ["bcd", "bcd", "c", "e"]


def test_a_plan_says_what_will_be_done_and_what_is_left_out(tmp_path: Path) -> None:
    def plan(done: int, skipped: int) -> dict[str, object]:
        left = [{"id": f"s{number}", "reason": "it is failed"} for number in range(skipped)]
        return {"done": [f"d{number}" for number in range(done)], "skipped": left}

    calls = [
        ("describePlan", "cancel", plan(0, 0)),
        ("describePlan", "pause", plan(0, 3)),
        ("describePlan", "retry", plan(1, 0)),
        ("describePlan", "approve", plan(1200, 1)),
        ("describeEnd", "cancel", plan(2, 1)),
        ("groupSkipped", [{"id": "1", "reason": "no task 1"}, {"id": "2", "reason": "no task 2"}]),
    ]

    assert call_console_functions(tmp_path, "tasks/bulk_words.js", *calls) == [
        "There is no task to cancel.",
        "None of the 3 tasks can be held.",
        "1 task will be retried.",
        "1,200 tasks will be approved. 1 task is left out.",
        "2 tasks cancelled, 1 not.",
        [["no task …", ["1", "2"]]],
    ]


def test_how_long_ago_is_said_in_one_unit(tmp_path: Path) -> None:
    at = 1_700_000_000_000
    seconds = [2, 59, 60, 3_599, 7_300, 90_000, 40 * 86_400]
    program = """
    const { describeAgo } = await import(process.argv[1]);
    const [at, all] = JSON.parse(process.argv[2]);
    const ago = (s) => describeAgo(new Date(at - s * 1000).toISOString(), at);
    console.log(JSON.stringify(all.map(ago)));
    """

    found = run_console_module(tmp_path, "tasks/times.js", program, [at, seconds])

    assert found[:-1] == ["now", "59 s ago", "1 min ago", "59 min ago", "2 hours ago", "1 day ago"]
    assert json.dumps(found[-1]).strip('"').endswith("Oct 2023")
