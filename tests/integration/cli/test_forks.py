"""`cogo fork`."""

import json

from tests.integration.cli.conftest import Say


def test_a_task_is_asked_again_with_changes(cogo: Say) -> None:
    code, out, err = cogo("submit", "hi", "--type", "CHAT", "--no-wait", "--json")
    assert code == 0, err
    first = json.loads(out)

    code, out, err = cogo("fork", "last", "--prompt", "bye", "--budget", "0.5", "--json")

    assert code == 0, err
    forked = json.loads(out)
    assert (forked["forked_from"], forked["prompt"], forked["type"]) == (first["id"], "bye", "CHAT")
    assert float(forked["budget_usd"]) == 0.5
    _, shown, _ = cogo("tasks", "show", first["id"])
    assert f"forked as {forked['id'][:8]}  pending" in shown
    _, shown, _ = cogo("tasks", "show", forked["id"])
    assert f"forked from {first['id'][:8]}" in shown


def test_a_step_of_a_task_that_has_not_ended_is_refused_in_one_line(cogo: Say) -> None:
    cogo("submit", "hi", "--type", "CHAT", "--no-wait")

    code, _, err = cogo("fork", "last", "--from", "answer")

    assert code != 0
    assert "can be forked from a step when it has ended" in " ".join(err.split())
