"""The waterfall of a task, in Node: phases, rows, why it took as long as it did, and windowing."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.node import call_console_functions, run_console_module
from tests.unit.gateway.task_rows import NOW, a_call, a_step, a_task, an_attempt, an_event, at


def read_steps(folder: Path, details: object, timeline: object = None) -> list[dict[str, Any]]:
    [steps] = call_console_functions(
        folder, "task/timeline.js", ("readSteps", details, timeline, NOW)
    )
    return list(steps)


def explain(folder: Path, steps: object, end: float, *, is_over: bool = True) -> str:
    begin = NOW - 240_000
    [pieces] = call_console_functions(
        folder, "task/explanation.js", ("traceTime", steps, begin, begin + end * 1000)
    )
    [parts] = call_console_functions(folder, "task/explanation.js", ("sumTime", pieces))
    [said] = call_console_functions(folder, "task/explanation.js", ("explainTime", parts, is_over))
    return str(said)


def segments(step: dict[str, Any]) -> list[tuple[str, float, float]]:
    begin = NOW - 240_000
    return [
        (each["kind"], (each["from"] - begin) / 1000, (each["to"] - begin) / 1000)
        for each in step["segments"]
    ]


def test_why_a_task_took_four_minutes_is_said_in_a_sentence(tmp_path: Path) -> None:
    asked = a_step("ask", 2, status="completed", finished_at=at(242))
    details = a_task(
        asked,
        attempts=[an_attempt("ask", 4, 14), an_attempt("ask", 232, 242, attempt=2)],
        status="completed",
        finished_at=at(242),
    )
    timeline = {
        "events": [
            an_event("ask", 2, "queued"),
            an_event("ask", 4, "running"),
            an_event("ask", 14, "waiting"),
            an_event("ask", 230, "queued"),
            an_event("ask", 232, "running", attempt=2),
            an_event("ask", 242, "completed", attempt=2),
        ],
        "calls": [a_call("ask", 4, 14), a_call("ask", 232, 242, attempt=2)],
        "tool_calls": [],
    }

    [step] = read_steps(tmp_path, details, timeline)

    assert segments(step) == [
        ("queue", 2, 4),
        ("call", 4, 14),
        ("approval", 14, 230),
        ("queue", 230, 232),
        ("call", 232, 242),
    ]
    assert step["cost"] == 1.0
    assert explain(tmp_path, [step], 242) == (
        "4 min 2 s: 3 min 36 s waiting for a person's answer, 20.0 s for 2 calls of m, "
        "6.0 s for everything else."
    )


def test_waiting_for_a_lane_a_lease_another_attempt_and_a_budget_are_told_apart(
    tmp_path: Path,
) -> None:
    timeline = {
        "events": [
            an_event("a", 0, "queued", attempt=None),
            an_event("a", 10, "running"),
            an_event("a", 40, "queued"),  # its holder died, and its lease ran out
            an_event("a", 41, "running", attempt=2),
            an_event("a", 50, "delayed", attempt=2, detail={"run_at": at(60)}),
            an_event("a", 60, "running", attempt=3),
            an_event("a", 70, "waiting", attempt=3, detail={"cap": "total::day"}),
            an_event("later", 0, "delayed", attempt=None),
            an_event("wait", 0, "waiting", detail={"name": "go"}),
            an_event("flow", 0, "blocked"),
        ],
        "calls": [
            a_call("a", 42, 44, attempt=2, outcome="failed", error_class="overloaded"),
            a_call("a", 47, 49, attempt=2, outcome="failed"),
        ],
        "tool_calls": [
            {"subtask_id": "a", "attempt": 3, "tool": "search", "status": None,
             "started_at": at(65), "ended_at": None}
        ],
    }  # fmt: skip
    details = a_task(
        a_step("flow", 0, kind="flow", status="blocked", lane="cio"),
        a_step("a", 0, status="waiting", attempt=3),
        a_step("later", 0, status="delayed", attempt=0),
        a_step("wait", 0, kind="event", status="waiting", lane="wait"),
        a_step("branch/a:limit", 0, kind="sleep", status="delayed", lane="wait"),
        attempts=[
            an_attempt("a", 10, 40, outcome="reaped", cost_usd=None),
            an_attempt("a", 41, 50, attempt=2, outcome="failed"),
            an_attempt("a", 60, 70, attempt=3, outcome="suspended"),
        ],
    )

    flow, step, later, event = read_steps(tmp_path, details, timeline)

    assert segments(flow) == [("steps", 0, 240)]
    assert segments(step) == [
        ("queue", 0, 10),
        ("lost", 10, 40),
        ("queue", 40, 41),
        ("agent", 41, 42),
        ("failed", 42, 44),
        ("backoff", 44, 47),  # between a failed call and the next
        ("failed", 47, 49),
        ("agent", 49, 50),
        ("backoff", 50, 60),
        ("agent", 60, 65),
        ("tool", 65, 70),
        ("budget", 70, 240),
    ]
    assert step["cost"] is None  # that of the first attempt is unknown
    assert [each[0] for each in segments(later)] == ["sleep"]
    assert (event["segments"][0]["kind"], event["segments"][0]["name"]) == ("event", "go")


def test_without_transitions_the_attempts_say_what_is_known(tmp_path: Path) -> None:
    details = a_task(
        a_step("plan", 0, kind="flow", status="blocked"),
        a_step("a/draft", 1, status="completed", finished_at=at(3)),
        a_step("b/draft", 2, status="cancelled", not_needed=True, finished_at=at(2)),
        a_step("a/check", 3),
        a_step("ok", 5, kind="approve", lane="wait", status="waiting"),
        attempts=[
            an_attempt("a/draft", 1, 2, outcome="failed"),
            an_attempt("a/draft", 2, 3, attempt=2, cost_usd="0.25"),
            an_attempt("a/check", 4, None),
        ],
    )

    steps = read_steps(tmp_path, details)

    assert [each["subtask"]["key"] for each in steps] == [
        "plan", "a/draft", "a/check", "b/draft", "ok",
    ]  # fmt: skip
    by_key = {each["subtask"]["key"]: each for each in steps}
    assert by_key["a/draft"]["cost"] == 0.75
    assert segments(by_key["a/check"]) == [("call", 4, 240)]  # it runs
    assert segments(by_key["b/draft"]) == []
    assert segments(by_key["ok"]) == [("approval", 5, 240)]  # it waits since it was asked


def test_rows_fold_and_those_of_a_child_task_stand_below_its_step(tmp_path: Path) -> None:
    details = a_task(
        a_step("one", 0, status="completed", finished_at=at(9)),
        a_step("two", 0),
        a_step("child", 0, kind="task", status="waiting", lane="wait", child_task_id="c"),
        attempts=[an_attempt("one", 0, 9), an_attempt("two", 0, 1), an_attempt("two", 2, None,
                                                                               attempt=2)],
    )  # fmt: skip
    timeline = {
        "events": [],
        "tool_calls": [],
        "calls": [a_call("one", 1, 8), a_call("two", 0, 1)],
    }
    steps = read_steps(tmp_path, details, timeline)
    inner = read_steps(tmp_path, a_task(a_step("deep", 0)))
    program = """
      const { listRows } = await import(process.argv[1]);
      const [steps, open, inner] = JSON.parse(process.argv[2]);
      const rows = listRows(steps, new Set(open), new Map([["c", inner]]));
      console.log(JSON.stringify(rows));
    """

    def rows(*opened: str) -> list[list[object]]:
        values = [steps, list(opened), inner]
        found = run_console_module(tmp_path, "task/step_rows.js", program, values)
        return [[each[name] for name in ("level", "name", "hasInner", "isOpen")] for each in found]

    assert rows() == [[1, "one", True, False], [1, "two", True, False], [1, "child", True, False]]
    assert rows("one", "two", "two#1", "child") == [
        [1, "one", True, True],
        [2, "model call", False, False],  # of the only attempt
        [1, "two", True, True],
        [2, "attempt 1", True, True],
        [3, "model call", False, False],
        [2, "attempt 2", False, False],
        [1, "child", True, True],
        [2, "deep", False, False],
    ]


INTERVALS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.sampled_from(["flow", "ask"])),
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(INTERVALS, min_size=1, max_size=12))
def test_each_moment_belongs_to_one_thing_only(
    tmp_path_factory: Any, cases: list[list[tuple[int, int, str]]]
) -> None:
    calls = []
    for intervals in cases:
        steps = [
            {
                "subtask": {"kind": kind},
                "isOver": True,
                "to": max(a, b),
                "segments": [
                    {"kind": "call", "name": str(number), "from": min(a, b), "to": max(a, b)}
                ],
            }
            for number, (a, b, kind) in enumerate(intervals)
        ]
        calls.append(("traceTime", steps, 5, 45))

    folder = tmp_path_factory.mktemp("modules")
    for intervals, pieces in zip(
        cases, call_console_functions(folder, "task/explanation.js", *calls), strict=True
    ):
        ends = [5, *(each["to"] for each in pieces)]
        assert [each["from"] for each in pieces] == ends[:-1]
        assert ends[-1] == 45
        for each in pieces:
            covers = [
                (min(a, b), max(a, b), kind)
                for a, b, kind in intervals
                if min(a, b) < each["to"] and max(a, b) > each["from"] and a != b
            ]
            assert (each["of"] is None) == (not covers)
            asks = [end for _, end, kind in covers if kind == "ask"]
            if asks:  # the one that ends last
                assert each["of"]["to"] == max(asks)


STATES = ["queued", "running", "delayed", "waiting", "held", "blocked"]
TIMES = st.integers(0, 200)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.lists(st.tuples(TIMES, st.sampled_from(STATES)), max_size=8),
            st.lists(st.tuples(TIMES, TIMES, st.booleans()), max_size=6),
            st.sampled_from(["ask", "check", "call", "flow", "task", "event", "approve"]),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_step_does_one_thing_at_a_time_whatever_is_stored_of_it(
    tmp_path_factory: Any, steps: list[tuple[list[tuple[int, str]], list[Any], str]]
) -> None:
    keys = [f"s{number}" for number in range(len(steps))]
    events: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    tools: list[dict[str, Any]] = []
    for key, (changes, parts, _) in zip(keys, steps, strict=True):
        events += [an_event(key, second, status) for second, status in sorted(changes)]
        for begin, end, is_tool in parts:
            part = a_call(key, min(begin, end), max(begin, end), tool="t", status="ok")
            (tools if is_tool else calls).append(part)
    details = a_task(
        *(a_step(key, 0, kind=kind) for key, (_, _, kind) in zip(keys, steps, strict=True)),
        attempts=[an_attempt(key, 0, None) for key in keys],
    )
    timeline = {"events": events, "calls": calls, "tool_calls": tools}

    read = read_steps(tmp_path_factory.mktemp("modules"), details, timeline)

    for (changes, _, _), step in zip(steps, read, strict=True):
        found = segments(step)
        assert all(begin <= end for _, begin, end in found)
        assert [each[1] for each in found[1:]] == [each[2] for each in found[:-1]]
        if changes and found:
            assert found[0][1] == min(second for second, _ in changes)
        if found:
            assert found[-1][2] == 240  # it has not ended


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "count": st.integers(0, 5000),
                "height": st.integers(20, 60),
                "open": st.none() | st.integers(0, 20),
                "extra": st.integers(0, 900),
                "top": st.integers(-50, 200_000),
                "seen": st.integers(1, 2000),
            }
        ),
        min_size=1,
        max_size=50,
    )
)
def test_what_is_seen_is_drawn_and_nothing_moves(
    tmp_path_factory: Any, cases: list[dict[str, Any]]
) -> None:
    for case in cases:
        if case["open"] is not None and case["open"] >= case["count"]:
            case["open"] = None
    folder = tmp_path_factory.mktemp("modules")
    calls = [("findWindow", each) for each in cases]
    for case, found in zip(
        cases, call_console_functions(folder, "task/step_rows.js", *calls), strict=True
    ):
        heights = [case["height"]] * case["count"]
        if case["open"] is not None:
            heights[case["open"]] += case["extra"]
        begin, end = found["begin"], max(found["begin"], found["end"])
        assert found["above"] == sum(heights[:begin])
        assert found["below"] == sum(heights[end:])
        bottom = case["top"] + case["seen"]
        assert found["above"] <= max(0, case["top"]) or begin == case["count"]
        assert sum(heights[:end]) >= min(bottom, sum(heights))


def test_the_axis_has_few_round_times(tmp_path: Path) -> None:
    lengths = [1, 7, 850, 10_845, 242_000, 3_600_000, 10 * 86_400_000]

    for length, ticks in zip(
        lengths,
        call_console_functions(
            tmp_path, "task/step_rows.js", *(("listTicks", each) for each in lengths)
        ),
        strict=True,
    ):
        assert 1 <= len(ticks) <= 7
        assert ticks[0] == 0
        assert ticks[-1] <= length
