"""Tasks beside each other, in Node: figures, related runs, and an answer while it is written."""

from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.node import call_console_functions, run_console_module
from tests.unit.gateway.task_rows import NOW, a_step, a_task, an_attempt, at

MODULE = "compare/figures.js"
A, B, C = (str(UUID(int=number)) for number in (1, 2, 3))


def a_run(model: str, seconds: float, cost: str | None, **more: Any) -> dict[str, Any]:
    return a_task(
        a_step("plan", 0, kind="flow", lane="cio"),
        a_step("main", 0),
        attempts=[
            an_attempt("plan", 0, 1, model_id=None, lane="cio"),
            an_attempt("main", 1, seconds, model_id=model, first_token_ms=200),
        ],
        status="completed",
        finished_at=at(seconds),
        cost_usd=cost,
        input_tokens=10,
        cached_tokens=5,
        output_tokens=7,
        simulated=False,
        **more,
    )


def test_the_least_is_marked_when_all_have_ended_and_differ(tmp_path: Path) -> None:
    runs = [a_run("small", 4, "0.002"), a_run("large", 9, "0.1")]
    open_run = a_run("small", 4, "0.002") | {}
    open_run["task"] = open_run["task"] | {"status": "running", "finished_at": None}
    reads = [("readFigures", each, NOW) for each in (*runs, open_run, a_run("local", 1, None))]
    small, large, running, unknown = call_console_functions(tmp_path, MODULE, *reads)

    ended, live, some = call_console_functions(
        tmp_path,
        MODULE,
        ("compareFigures", [small, large]),
        ("compareFigures", [running, large]),
        ("compareFigures", [small, unknown]),
    )

    by_name = {each["name"]: (each["values"], each["best"]) for each in ended}
    assert by_name["Models"] == (["small", "large"], [])
    assert by_name["Took"] == (["4.0 s", "9.0 s"], [0])
    assert by_name["Cost"] == (["$0.00200", "$0.100"], [0])
    assert by_name["Tokens read"] == (["15", "15"], [])  # the same: none is least
    assert by_name["Steps"] == (["1", "1"], [])  # the plan is not one
    assert "Checks" not in by_name
    assert {tuple(each["best"]) for each in live} == {()}
    cost = next(each for each in some if each["name"] == "Cost")
    assert (cost["values"][1], cost["best"]) == ("\u2013", [])  # unknown is not least


def test_what_checks_have_shown_is_a_figure(tmp_path: Path) -> None:
    results = [
        {"verification": {"status": "verified", "summary": "verified: 4 of 4"}},
        {"checks": [{"key": "check", "text": "ok"}, None]},
        None,
    ]

    figures = call_console_functions(
        tmp_path,
        MODULE,
        *(("readFigures", a_run("m", 1, "0", result=each), NOW) for each in results),
    )

    assert [each["checks"] for each in figures] == [
        "verified: 4 of 4",
        "check: ok; undefined: undefined",
        None,
    ]


def test_related_runs_are_named_by_how_they_are_related(tmp_path: Path) -> None:
    def row(id_: str, prompt: str = "p", **more: Any) -> dict[str, Any]:
        return {"id": id_, "prompt": prompt, "type": "CHAT"} | more

    details = {
        "task": row("t", previous_task_id="before", forked_from="root"),
        "next_run": row("next"),
        "forks": [row("fork", "changed")],
    }
    found = [row("t"), row("same"), row("other", "q"), row("twin", "q", forked_from="root")]

    [related] = call_console_functions(tmp_path, MODULE, ("listRelated", details, found))

    assert [(each["id"], each["how"]) for each in related] == [
        ("next", "next run"),
        ("before", "run before"),
        ("root", "asked again from"),
        ("fork", "asked again"),
        ("twin", "asked again from the same"),
        ("same", "same prompt"),
    ]


def test_an_address_names_up_to_four_tasks_each_once(tmp_path: Path) -> None:
    program = """
      const { buildComparison, readIds } = await import(process.argv[1]);
      const read = (query) => {
        const ids = readIds(new URLSearchParams(query));
        const [path, again] = buildComparison(ids).split("?");
        if (path !== "#/compare" || String(readIds(new URLSearchParams(again))) !== String(ids))
          throw new Error(again);
        return ids;
      };
      console.log(JSON.stringify(JSON.parse(process.argv[2]).map(read)));
    """

    found = run_console_module(
        tmp_path, MODULE, program, ["", f"a={A}&b={A}&id={B}", f"b={B}&a={A}&id=x&id={C}"]
    )

    assert found == [[], [A, B], [A, B, C]]
