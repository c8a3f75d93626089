"""What the console says before an operator changes something, in Node."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.node import call_console_functions, run_console_module

QUEUE = "operate/queue_words.js"
LIMITS = "operate/limit_words.js"
MODELS = "models/words.js"
NOBODY = "00000000-0000-0000-0000-000000000000"


def call(folder: Path, module: str, name: str, *arguments: object) -> Any:
    [answer] = call_console_functions(folder, module, (name, *arguments))
    return answer


def a_row(lane: str, owner: str | None, **numbers: object) -> dict[str, object]:
    names = ("queued", "running", "blocked", "delayed", "waiting", "held", "dead")
    rates = {"completed_per_minute": 0.5, "failed_per_minute": 0}
    limits: dict[str, object] = {"lane_paused": False, "owner_paused": owner == "b"}
    for kind in ("lane", "owner"):
        limits |= {f"{kind}_max_running": None, f"{kind}_per_minute": None}
    row = dict.fromkeys(names, 0) | rates | limits | {"oldest_ms": None}
    return row | {"lane": lane, "owner": owner} | numbers


def test_rows_of_the_queue_are_summed_by_lane_and_by_owner(tmp_path: Path) -> None:
    rows = [
        a_row("m", None, queued=2, running=1, oldest_ms=5),
        a_row("m", "b", queued=3, dead=1, oldest_ms=9),
        a_row("cio", None, queued=1),
    ]

    lanes = call(tmp_path, QUEUE, "sumBy", rows, "lane")
    owners = call(tmp_path, QUEUE, "sumBy", rows, "owner")

    assert [(each["key"], each["queued"], each["dead"]) for each in lanes] == [
        ("m", 5, 1),
        ("cio", 1, 0),
    ]
    assert (lanes[0]["oldest_ms"], lanes[0]["completed_per_minute"]) == (9, 1.0)
    assert [(each["key"], each["queued"], each["paused"]) for each in owners] == [
        ("b", 3, True),
        ("none", 3, False),
    ]


def test_a_pause_says_what_waits_and_what_goes_on(tmp_path: Path) -> None:
    assert call(tmp_path, QUEUE, "sayPause", {"queued": 42, "running": 3}) == (
        "42 subtasks that are queued will wait until it is resumed; "
        "3 subtasks that run will finish."
    )
    assert call(tmp_path, QUEUE, "sayPause", {"queued": 0, "running": 0}) == (
        "Nothing is queued; what comes will wait until it is resumed; nothing runs."
    )
    assert call(tmp_path, QUEUE, "sayResume", {"queued": 1, "max_running": 2}) == (
        "1 subtask may begin, at most 2 at once."
    )


def test_a_limit_says_what_it_does_to_what_runs_and_waits(tmp_path: Path) -> None:
    lane = {"queued": 100, "running": 5}

    assert call(tmp_path, QUEUE, "sayLimit", lane, {"most": "2", "rate": "30"}) == [
        "At most 2 run at once, over all agents. 5 run now: none is stopped, and none begins "
        "until fewer than 2 run.",
        "At most 30 begin a minute: the 100 subtasks that wait need at least 4 minutes.",
    ]
    assert call(tmp_path, QUEUE, "sayLimit", lane, {"most": "", "rate": ""}) == [
        "As many run at once as executors have room for.",
        None,
    ]
    assert call(tmp_path, QUEUE, "readLimits", {"most": "", "rate": "7", "reason": "x"}) == {
        "max_running": None,
        "per_minute": 7,
        "reason": "x",
    }


def a_cap(scope: str, key: str | None, **more: object) -> dict[str, object]:
    cap = {"scope": scope, "key": key, "per": "day", "limit_usd": "10", "spent_usd": "4"}
    return cap | {"reserved_usd": "1", "extra_usd": "0", "resets_at": None} | more


def test_a_cap_says_what_is_left_of_it(tmp_path: Path) -> None:
    caps = [a_cap("total", ""), a_cap("owner", NOBODY, spent_usd="3")]

    def said(cap: dict[str, object]) -> object:
        return call(tmp_path, LIMITS, "sayCap", cap, caps)

    asked: dict[str, object] = {"per": "day", "limit_usd": "8"}
    assert said(asked | {"scope": "total"}) == [
        "Calls for everything may cost at most $8.00 a day (UTC), instead of $10.00.",
        "$5.00 is spent or reserved, so $3.00 is left.",
    ]
    assert said(asked | {"scope": "owner", "key": "none", "limit_usd": "4"}) == [
        "Calls for tasks without an owner may cost at most $4.00 a day (UTC), instead of $10.00.",
        "$4.00 is spent or reserved already: no call begins until it resets. Calls that run go on.",
    ]
    assert said(asked | {"scope": "provider", "key": "anthropic"}) == [
        "Calls for provider anthropic may cost at most $8.00 a day (UTC)."
    ]
    assert said(asked | {"scope": "total", "limit_usd": ""}) == []


def test_a_cap_of_what_does_not_exist_says_so(tmp_path: Path) -> None:
    known = {"project": [["shop", None]], "owner": [["none", "tasks without an owner"]]}

    def said(scope: str, key: str) -> list[str]:
        asked = {"scope": scope, "key": key, "per": "day", "limit_usd": "8"}
        sentences: list[str] = call(tmp_path, LIMITS, "sayCap", asked, [], known)
        return sentences

    assert said("project", "shpo") == [
        "Calls for project shpo may cost at most $8.00 a day (UTC).",
        "No task of this project exists yet.",
    ]
    assert len(said("project", "shop")) == 1
    assert len(said("owner", "a new user")) == 1  # users need not have a task
    assert len(said("provider", "x")) == 1  # it is not known which there are


def test_lanes_without_work_and_the_last_actions_on_lanes_are_found(tmp_path: Path) -> None:
    def an_agent(kind: str, state: str, *lanes: str) -> dict[str, object]:
        return {"agent": {"kind": kind, "lanes": lanes}, "state": state}

    agents = [
        an_agent("executor", "alive", "b", "a", "busy"),
        an_agent("executor", "alive", "a"),
        an_agent("executor", "stopped", "gone"),
        an_agent("cio", "alive", "cio"),
    ]
    assert call(tmp_path, QUEUE, "listIdle", agents, [{"lane": "busy"}]) == ["a", "b"]

    actions: list[dict[str, Any]] = [
        {"subject": "a", "before": {"max_running": None}, "after": {"max_running": 2}},
        {"subject": "b", "before": None, "after": {"paused": True, "max_running": None}},
        {"subject": "a", "before": {"paused": True}, "after": {"paused": False}},
        {"subject": "a", "before": {"paused": False}, "after": {"paused": True}},
    ]
    named = [call(tmp_path, QUEUE, "nameAction", each) for each in actions]
    assert named == ["limited", "paused", "resumed", "paused"]
    program = "const { groupActions } = await import(process.argv[1]);\n"
    program += "const found = groupActions(JSON.parse(process.argv[2]), 2);\n"
    program += "console.log(JSON.stringify([...found]));"
    grouped = dict(run_console_module(tmp_path, QUEUE, program, actions))
    assert grouped == {"a": [actions[0], actions[2]], "b": [actions[1]]}


def test_none_means_tasks_without_an_owner(tmp_path: Path) -> None:
    typed = {"scope": "owner", "key": " none ", "per": "day", "limit": "1", "unpriced": True}

    assert call(tmp_path, LIMITS, "readCap", typed, None) == {
        "scope": "owner",
        "key": "none",
        "per": "day",
        "limit_usd": "1",
        "allow_unpriced": True,
        "reason": None,
    }


def test_a_control_says_what_happens_to_waiting_and_running_work(tmp_path: Path) -> None:
    ban = {"action": "ban", "subject": "m", "scope": "everywhere", "value": ""}
    controls = [{"subject": "m", "scope": "everywhere", "action": "drain"}]

    said = call(tmp_path, MODELS, "sayControl", ban, {"queued": 2, "running": 1}, controls)

    assert said == [
        "m is not chosen any more, also not for tasks that name it. No new call to it begins; "
        "1 that runs finishes.",
        "2 subtasks that are queued for it may get another model, or fail if their task accepts "
        "no other.",
        "It is drained there now.",
    ]
    allow = ban | {"action": "allow", "scope": "task_type", "value": "code-generation"}
    assert call(tmp_path, MODELS, "sayControl", allow, {"queued": 0, "running": 0}, controls) == [
        "Nothing is set for m there, so nothing changes."
    ]
    assert call(tmp_path, MODELS, "buildScope", ban | {"scope": "owner"}) is None


def test_tokens_are_written_shortly(tmp_path: Path) -> None:
    counts = [None, 900, 4_096, 200_000, 1_000_000, 1_500_000]

    assert [call(tmp_path, MODELS, "tokens", each) for each in counts] == [
        "\N{EN DASH}",
        "900",
        "4.1k",
        "200k",
        "1M",
        "1.5M",
    ]


def test_an_action_is_told_by_what_has_changed(tmp_path: Path) -> None:
    def told(before: object, after: object, kind: str = "model") -> list[str]:
        change = {"kind": kind, "before": before, "after": after}
        lines: list[str] = call(tmp_path, "operate/action_words.js", "describeChange", change)
        return lines

    raised = told({"limit_usd": 10}, {"limit_usd": 20}, "budget")
    assert raised == ["Limit in dollars: 10 \N{RIGHTWARDS ARROW} 20"]
    given = {"name": "x", "owner": None, "scopes": ["a", "b"]}
    assert told(None, given, "key") == ["new", "What it is for: x", "What it may do: a, b"]
    assert told(None, {"paused": True, "later": 1}, "lane") == ["new", "Paused: yes", "later: 1"]
    assert told({"action": "ban"}, None) == ["removed", "Control: ban"]
    assert told({"who": "ana"}, None, "spending") == ["resumed spending", "By: ana"]
    failed = {"owner": None, "status": "failed"}
    assert told(failed, {"action": "redrive"}, "task") == ["retried; it was failed"]
    refused = {"action": "answer_approval", "approval": "main/call1", "approved": False}
    assert told({"owner": "ana", "status": "running"}, refused, "task") == [
        "refused; it was running",
        "Question: main/call1",
        "Owner: ana",
    ]
    [revoked] = told({"revoked_at": None}, {"revoked_at": "2030-05-06T07:08:09.123+00:00"}, "key")
    assert revoked.startswith("Revoked: none \N{RIGHTWARDS ARROW} 6 May 2030 ")


def test_a_key_says_what_its_holder_may_do(tmp_path: Path) -> None:
    module = "operate/key_words.js"
    chosen = {"scopes": ["tasks:read", "admin"], "owner": "", "lasts": ""}

    assert call(tmp_path, module, "sayKey", chosen, 0) == [
        "Whoever has it may: do everything an operator can, also create keys. "
        "It acts for tasks of all owners.",
        "It never expires.",
    ]
    assert call(tmp_path, module, "sayKey", chosen | {"scopes": []}, 0) == (
        "Choose what it may do."
    )
    assert call(tmp_path, module, "expiryOf", "30", 0) == "1970-01-31T00:00:00.000Z"
    last = call(tmp_path, module, "expiryOf", "date", 0, "2030-05-06")
    until_then = datetime.fromisoformat(last).astimezone()
    assert f"{until_then:%Y-%m-%d %H:%M:%S}" == "2030-05-06 23:59:59"
    dated = chosen | {"lasts": "date", "until": "2030-05-06", "project": "shpo"}
    said = call(tmp_path, module, "sayKey", dated, 0, [["shop", None]])
    assert "6 May 2030 23:59:59 " in said[1]  # and the time zone
    assert said[2] == "No task of this project exists yet."
    assert call(tmp_path, module, "splitNames", " a, b\nc,, ") == ["a", "b", "c"]


def test_models_are_sorted_by_what_is_known_and_the_unknown_come_last(tmp_path: Path) -> None:
    def a_model(name: str, price: float | None, **more: object) -> dict[str, object]:
        prices = None if price is None else {"input": 1, "output": price}
        return {"id": name, "simulated": False, "is_local": False, "usd_per_million": prices} | more

    models = [
        a_model("a", None),
        a_model("b", 9),
        a_model("c", 2),
        a_model("d", None, is_local=True),
    ]
    seen = {"simulated": False, "completed": 3, "attempts": 4}
    report = [
        seen | {"model_id": "a", "failed": 1, "cost_usd": "2"},
        seen | {"model_id": "c", "failed": 3, "cost_usd": None},
    ]

    def order(by: str) -> str:
        found = call(tmp_path, MODELS, "sortModels", models, by, report)
        return "".join(each["id"] for each in found)

    names = ("", "price", "failures", "cost", "nothing")
    assert [order(by) for by in names] == ["abcd", "dcba", "cabd", "abcd", "abcd"]
