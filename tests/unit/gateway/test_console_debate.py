"""Who says what in a task, in Node: columns, rounds and judges, of the events of its stream."""

from pathlib import Path
from typing import Any

from tests.support.node import call_console_functions, run_console_module

PROGRAM = """
const { Discussion } = await import(process.argv[1]);
const discussion = new Discussion("task");
for (const [name, data] of JSON.parse(process.argv[2])) discussion.apply(name, data);
const describe = ({ name, steps }) => [
  name,
  steps.map((each) => [each.agent, each.status, each.model ?? null,
                       discussion.transcript.getText(each.id), each.notice]),
];
const { columns, closing } = discussion.listColumns();
const found = [columns.map(describe), closing.map(describe), discussion.isEmpty];
console.log(JSON.stringify(found));
"""


def hear(folder: Path, *events: tuple[str, dict[str, Any]]) -> list[Any]:
    """Return the columns, the judges, and whether nobody takes part."""
    return list(run_console_module(folder, "task/discussion.js", PROGRAM, events))


def a_change(key: str, status: str, **detail: Any) -> tuple[str, dict[str, Any]]:
    more = {"task_id": detail.pop("task", "task")}
    return "event", more | {
        "subtask_id": f"id-{key}",
        "kind": f"subtask.{status}",
        "detail": {"key": key, "lane": "model"} | detail,
    }


def a_delta(key: str, text: str, **more: Any) -> tuple[str, dict[str, Any]]:
    delta = {"subtask_id": f"id-{key}", "key": key, "attempt": 1, "turn": 1, "kind": "text"}
    return "activity", delta | {"task_id": "task", "offset": 0, "delta": text} | more


def test_the_rounds_of_a_participant_are_one_column_and_a_judge_stands_below(
    tmp_path: Path,
) -> None:
    columns, closing, is_empty = hear(
        tmp_path,
        a_change("yes", "queued"),
        a_change("no", "queued"),
        a_change("no", "running", role="debate_2"),
        a_change("yes", "running", role="debate_1"),
        a_delta("no", "No."),
        a_delta("yes", "Yes"),
        a_delta("yes", "!", offset=3),
        a_change("check", "running", lane="sandbox:python"),
        a_change("plan", "running", kind="flow", lane="cio"),
        a_change("yes", "completed"),
        a_change("yes#2", "running", role="debate_1", lane="other"),
        a_change("verdict", "running", role="judge"),
    )

    assert columns == [
        ["yes", [["yes", "completed", "model", "Yes!", None],
                 ["yes#2", "running", "other", "", None]]],
        ["no", [["no", "running", "model", "No.", None]]],
    ]  # fmt: skip
    assert closing == [["verdict", [["verdict", "running", "model", "", None]]]]
    assert not is_empty


def test_participants_of_a_child_task_stand_behind_it(tmp_path: Path) -> None:
    child = {"task_id": "task", "subtask_id": "id-review", "key": "review", "child_task_id": "c"}

    columns, closing, _ = hear(
        tmp_path,
        a_change("draft", "running"),
        a_change("review", "waiting", kind="task", lane="wait"),
        ("child", child),
        a_change("last", "running"),
        a_change("judge", "running", role="judge", task="c"),
    )

    assert [each[0] for each in columns] == ["draft", "review", "review/judge", "last"]
    assert closing == []  # the judge of a child task does not judge this one


def test_a_new_attempt_says_that_the_text_before_was_discarded(tmp_path: Path) -> None:
    discarded = {"subtask_id": "id-a", "attempt": 2, "task_id": "task"}

    columns, _, _ = hear(tmp_path, a_delta("a", "Half"), ("discard", discarded))

    [[_, [[_, _, _, text, notice]]]] = columns
    assert text == ""
    assert notice.endswith("its text was discarded. This is attempt 2.")


def test_who_alone_answers_is_no_discussion_and_who_ran_at_the_end_was_cancelled(
    tmp_path: Path,
) -> None:
    running = a_change("main", "running")
    [_, _, is_empty] = hear(tmp_path, running, ("text", {"subtask_id": "id-main", "key": "main"}))
    columns, _, _ = hear(tmp_path, running, ("end", {}))

    assert is_empty
    assert columns[0][1][0][1] == "cancelled"


def test_a_decision_is_read_of_results_whatever_their_fields_hold(tmp_path: Path) -> None:
    debate = {
        "verdict": {"decision": "No", "dissent": [], "evidence": ["a", {"b": 1}]},
        "votes": [{"agent": "yes", "before": {"verdict": "Yes"}, "after": {"verdict": "No"}}],
        "decided_by": "judge",
        "receipt": {"sentence": "It cost more."},
    }
    nothing = [None, {}, {"verdict": "yes", "votes": 3}, {"verdict": {}, "critique": "x"}]

    found, *rest = call_console_functions(
        tmp_path, "task/decision.js", *(("readDecision", each) for each in (debate, *nothing))
    )

    assert (found["decision"], found["judge"], found["evidence"]) == (
        "No",
        "judge",
        ["a", '{"b":1}'],
    )
    assert found["votes"][0]["isChanged"]
    assert found["receipt"] == "It cost more."
    assert rest == [None] * len(nothing)
