"""The plan of a task as a graph, in Node: edges, places, and the way by arrow keys."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.node import call_console_functions
from tests.unit.gateway.task_rows import a_step, a_task, an_attempt, at

MODULE = "task/graph_layout.js"


def edges(folder: Path, details: object) -> set[tuple[str, str, bool]]:
    [graph] = call_console_functions(folder, MODULE, ("buildGraph", details, 0))
    return {(each["from"], each["to"], each["isStored"]) for each in graph["edges"]}


def a_done(key: str, begin: float, end: float, **more: Any) -> dict[str, Any]:
    return a_step(key, begin, status="completed", finished_at=at(end), **more)


def test_stored_dependencies_are_edges(tmp_path: Path) -> None:
    details = a_task(a_step("a", 0), a_step("b", 0, dependencies=["a", "gone"]), a_step("c", 0))

    assert edges(tmp_path, details) == {("a", "b", True)}


def test_steps_of_a_workflow_come_after_those_that_had_ended_when_they_were_made(
    tmp_path: Path,
) -> None:
    details = a_task(
        a_step("plan", 0, kind="flow", status="blocked"),
        a_done("yes", 1, 5),
        a_done("no", 1, 8),
        a_done("others:limit", 5, 8, kind="sleep", lane="wait"),
        a_done("compare", 9, 10),
        a_done("x/draft", 11, 15),
        a_done("y/draft", 11, 13),
        a_done("slow", 11, 30, not_needed=True),
        a_done("y/check", 14, 16),
        a_done("x/check", 17, 20),
        attempts=[
            an_attempt("plan", begin, begin + 0.5, attempt=number)
            for number, begin in enumerate((0.8, 5, 8.8, 10.8, 13.8, 16.8), 1)
        ],
    )

    assert edges(tmp_path, details) == {
        ("plan", "yes", False),
        ("plan", "no", False),
        ("yes", "compare", False),
        ("no", "compare", False),
        ("compare", "x/draft", False),
        ("compare", "y/draft", False),
        ("compare", "slow", False),
        ("y/draft", "y/check", False),
        ("x/draft", "x/check", False),  # not y/check, which is of another branch
    }


def test_of_very_many_steps_the_open_and_the_newest_are_drawn(tmp_path: Path) -> None:
    done = [a_done(f"s{number}", number, number + 1) for number in range(6)]
    details = a_task(a_step("old", 0), *done)

    [graph] = call_console_functions(tmp_path, MODULE, ("buildGraph", details, 0, 3))

    assert [each["key"] for each in graph["nodes"]] == ["old", "s4", "s5"]
    assert graph["left"] == 4


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(st.integers(0, 100), max_size=3), min_size=1, max_size=40))
def test_every_node_has_a_place_of_its_own_after_those_before_it(
    tmp_path_factory: Any, parents: list[list[int]]
) -> None:
    nodes = [{"id": str(number)} for number in range(len(parents))]
    pairs = {
        (each % number, number) for number, some in enumerate(parents) if number for each in some
    }
    graph = {
        "nodes": nodes,
        "edges": [{"from": str(a), "to": str(b)} for a, b in sorted(pairs)],
    }
    folder = tmp_path_factory.mktemp("modules")

    [laid] = call_console_functions(folder, MODULE, ("layOut", graph, "LR"))

    places = [(each["x"], each["y"]) for each in laid["places"].values()]
    assert len(set(places)) == len(nodes)
    for a, b in pairs:
        assert laid["places"][str(a)]["x"] < laid["places"][str(b)]["x"]
    for x, y in places:
        assert 0 < x < laid["width"]
        assert 0 < y < laid["height"]


def test_arrow_keys_go_to_what_is_next_in_their_direction(tmp_path: Path) -> None:
    places = {"a": {"x": 0, "y": 0}, "b": {"x": 100, "y": 10}, "c": {"x": 100, "y": 200}}

    found = call_console_functions(
        tmp_path,
        MODULE,
        *(
            ("findNext", places, start, f"Arrow{key}")
            for start, key in (("a", "Right"), ("b", "Down"), ("c", "Left"), ("a", "Left"))
        ),
    )

    assert found == ["b", "c", "a", None]
