"""Swarms through HTTP, the WebSocket and the terminal, with the calls that reach the vendors."""

import json
import os
import signal
from collections import Counter
from typing import Any

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from websockets.asyncio.client import connect

from protocol.transport.supabase_store import SupabaseStore
from providers.catalogue.catalogue import Catalogue
from tests.e2e.console import SECONDS, complaints, says, text
from tests.e2e.tasks import ended
from tests.support.eventually import eventually
from tests.support.servers.simulator import Journal
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

KUBERNETES = "Should we use Kubernetes?"
DEBATERS = {"optimistic": "debate_1", "cautious": "debate_2", "balanced": "debate_3"}
SEEDED = {"content", "done", "team_id", "session_id"}
"""The fields of each frame."""


def list_parts(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parts of frames. What comes with them has no content."""
    parts = [each["part"] for each in frames if "part" in each]
    assert not [each for each in frames if "part" in each and (each["content"] or each["done"])]
    return parts


def join_texts(parts: list[dict[str, Any]]) -> dict[str, str]:
    """Return what each participant has said in the end; a new start voids what came before."""
    said: dict[str, str] = {}
    for each in parts:
        if each["status"] == "started":
            said[each["agent"]] = ""
        elif each["status"] == "delta":
            said[each["agent"]] += each["text"]
    return said


def check_debate(answer: dict[str, Any]) -> None:
    """Check that models of three makers have debated, and another one has decided."""
    catalogue = Catalogue.load()
    parts = {each["agent"]: each for each in answer["parts"]}
    assert {name: parts[name]["role"] for name in DEBATERS} == DEBATERS
    models = {name: parts[name]["model"] for name in (*DEBATERS, "verdict")}
    assert {name: models[name] for name in DEBATERS} == {
        name: catalogue.roles[role] for name, role in DEBATERS.items()
    }
    assert len({catalogue.get_model(each).maker for each in models.values()}) == 4
    assert {each["status"] for each in parts.values()} == {"complete"}
    assert len(answer["responses"]) == 4
    for name, response in zip(models, answer["responses"], strict=True):
        assert response.startswith(f"{name} ({models[name]})\n\n")


async def test_a_debate_over_the_socket_shows_three_makers_while_they_speak(
    url: str, journal: Journal
) -> None:
    frames: list[dict[str, Any]] = []
    async with connect(f"{url.replace('http', 'ws')}/ws/swarm") as socket:
        await socket.send(json.dumps({"swarm_id": "debate-swarm", "message": KUBERNETES}))
        while not frames or not frames[-1]["done"]:
            frames.append(json.loads(await socket.recv()))
        task_id = frames[-1]["task_id"]
        await socket.send(json.dumps({"task_id": task_id}))
        again: list[dict[str, Any]] = []
        while not again or not again[-1]["done"]:
            again.append(json.loads(await socket.recv()))

    assert all(each.keys() >= SEEDED for each in frames)
    check_debate(frames[-1])
    parts = list_parts(frames)
    first = [each["agent"] for each in parts if each["status"] == "delta"]
    assert len(set(first[: first.index("verdict")])) > 3  # each was heard before the verdict
    said = join_texts(parts)
    assert json.loads(said["optimistic"])["verdict"]
    assert {"optimistic#2", "verdict"} <= said.keys()
    [content] = [each["content"] for each in frames if each["content"]]
    assert content == frames[-1]["parts"][-1]["text"] or frames[-1]["parts"][-1]["text"] in content

    # Picked up by its task: the same parts, whole, and nobody was asked again.
    assert join_texts(list_parts(again)) == said
    assert again[-1]["responses"] == frames[-1]["responses"]
    calls = await journal.requests()
    assert len(calls) == frames[-1]["receipt"]["calls"]
    assert len(Counter(each["model"] for each in calls)) >= 4


async def test_a_plan_over_http_is_by_the_strategic_model_and_criticised_by_another_maker(
    http: httpx.AsyncClient, journal: Journal
) -> None:
    body = {"swarm_id": "strategic-swarm", "message": "Plan a microservices architecture"}
    answer = (await http.post("/swarm/execute", json=body, timeout=60)).raise_for_status().json()

    catalogue = Catalogue.load()
    assert (answer["team_id"], answer["status"]) == ("strategic-swarm", "complete")
    assert "## Architecture" in answer["responses"][0]
    plan, critic = answer["parts"][:2]
    assert (plan["role"], critic["role"]) == ("strategic", "critic")
    makers = [catalogue.get_model(each["model"]).maker for each in (plan, critic)]
    assert plan["model"] == catalogue.roles["strategic"]
    assert makers[0] != makers[1]
    calls = await journal.requests()
    assert 2 <= len(calls) <= 4
    assert len({each["vendor"] for each in calls}) == 2


def test_code_in_the_terminal_is_tested_and_each_participant_is_an_event(system: System) -> None:
    message = "Write a Python function to calculate fibonacci"

    ran = system.cogo("swarm", "coding", message, "--json", "--max-usd", "1")
    again = system.cogo("swarm", "--follow", "last")

    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 5, ran.stderr  # its own tests passed: see --accept
    assert [each["event"] for each in (lines[0], lines[-1])] == ["task", "result"]
    parts = [each for each in lines if each["event"] == "part"]
    said = join_texts(parts)
    assert "def fibonacci" in said["draft"]
    assert {each["model"] for each in parts if each["agent"] == "draft"} != {None}
    assert {each["status"] for each in parts} == {"started", "delta", "complete"}
    assert again.returncode == 5
    compile(again.stdout, "answer.py", "exec")
    assert " draft " in again.stderr


def test_a_debate_in_the_terminal_is_lines_where_nobody_can_see_blocks(system: System) -> None:
    ran = system.cogo("swarm", "debate", KUBERNETES, "--session", "kubernetes")
    kept = system.cogo("sessions", "show", "kubernetes", "--json")
    watched = system.cogo("watch", "last")

    assert ran.returncode == 0, ran.stderr
    assert "(debate_2) writes" in ran.stderr
    assert "completed" in ran.stderr
    assert "## Dissent" in ran.stdout
    assert "sleeps" not in ran.stderr  # limits of time, which say nothing
    assert json.loads(kept.stdout)["messages"][-1]["content"] == KUBERNETES
    for name, role in DEBATERS.items():
        assert f"{name} ({role}) by " in watched.stdout
    assert "verdict: " in watched.stdout  # what they said, as lines


@pytest.mark.parametrize("line", [[], ["debate"], ["chess", "x"], ["debate", "x", "--follow", "y"]])
def test_wrong_usage_of_a_swarm_is_no_verdict(system: System, line: list[str]) -> None:
    assert system.cogo("swarm", *line).returncode == 2


async def test_an_answer_is_picked_up_by_its_task_after_the_gateway_was_killed(
    system: System, http: httpx.AsyncClient, store: SupabaseStore, journal: Journal
) -> None:
    frames: list[dict[str, Any]] = []
    gateway: int | None = system.up.find_process("serve", "gateway")
    body = {"message": "Write a small shop, whose gateway dies", "stream": True}
    with pytest.raises(httpx.HTTPError):
        async with http.stream("POST", "/swarm/coordinate", json=body) as answer:
            async for line in answer.aiter_lines():
                frames.append(json.loads(line))
                if gateway and frames[-1].get("part", {}).get("status") == "delta":
                    os.kill(gateway, signal.SIGKILL)
                    gateway = None  # what was on its way still arrives
    task_id = frames[-1]["task_id"]

    async def pick_up() -> list[dict[str, Any]]:
        try:
            path = f"/swarm/tasks/{task_id}"
            async with http.stream("GET", path, params={"stream": True}) as answer:
                return [json.loads(line) async for line in answer.aiter_lines()]
        except httpx.HTTPError:
            return []  # it is being started again

    found = await eventually(pick_up, within=SECONDS * 2)
    await ended(store, task_id)
    whole = (await http.get(f"/swarm/tasks/{task_id}")).json()

    assert (found[-1]["done"], found[-1]["status"]) == (True, "complete")
    assert (whole["team_id"], whole["parts"]) == ("coordination", found[-1]["parts"])
    parts = list_parts(found)
    before = join_texts(list_parts(frames))
    assert all(join_texts(parts)[agent].startswith(said) for agent, said in before.items())
    # Those of the debate that reviews it, which is a child task, are among them.
    assert {"strategy", "review", "review/optimistic", "review/verdict"} <= {
        each["agent"] for each in parts
    }
    complete = {each["agent"] for each in parts if each["status"] == "complete"}
    assert complete == {each["agent"] for each in parts}
    assert (
        "".join(each["content"] for each in found[_find_last_discard(found) :])
        == (whole["responses"][0])
    )
    steps = [each for each in parts if each["status"] == "started" and each["model"]]
    assert len(await journal.requests()) == len(steps)  # nothing was asked twice


def _find_last_discard(frames: list[dict[str, Any]]) -> int:
    return max((number for number, each in enumerate(frames) if each.get("discard")), default=0)


async def test_the_console_shows_who_says_what_and_how_it_was_decided_also_after_a_reload(
    page: Chrome, http: httpx.AsyncClient, url: str
) -> None:
    body = {"prompt": f"{KUBERNETES} Say it to the console.", "type": "DEBATE"}
    task = (await http.post("/tasks", json=body)).json()
    page.get(f"{url}/#/tasks/{task['id']}")
    await eventually(says(page, "#participants", "optimistic"), within=SECONDS)
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)
    await eventually(says(page, "#decision .verdict", "decided by"), within=SECONDS)

    def read_cards() -> list[str]:
        cards = page.find_elements(By.CSS_SELECTOR, "#participants .participant")
        return sorted(" ".join((each.get_property("textContent") or "").split()) for each in cards)  # type: ignore[union-attr]

    cards = read_cards()
    page.refresh()
    await eventually(lambda: read_cards() == cards, within=SECONDS)

    for name, role in DEBATERS.items():  # one column for both rounds
        [card] = [each for each in cards if each.startswith(name)]
        assert role in card
        assert "Round 1" in card
        assert "Round 2" in card
    assert [each for each in cards if each.startswith("verdict") and "judge" in each]
    assert all("completed" in each for each in cards)
    votes = text(page, "#decision .votes")
    assert all(name in votes for name in DEBATERS)
    assert "Dissent" in text(page, "#decision")
    assert "one answer of" in text(page, "#decision")
    assert complaints(page) == []


async def test_the_console_shows_an_answer_that_is_the_text_of_a_step_once(
    page: Chrome, http: httpx.AsyncClient, url: str
) -> None:
    body = {"prompt": "Say it once", "type": "CHAT", "preferences": {"policy": "cascade"}}
    task = (await http.post("/tasks", json=body)).json()
    page.get(f"{url}/#/tasks/{task['id']}")
    await eventually(says(page, ".detail header .status", "completed"), within=SECONDS)
    whole = (await http.get(f"/tasks/{task['id']}")).json()["task"]["result"]["text"]
    await eventually(says(page, "#answer pre.text", whole), within=SECONDS)

    drawn = page.find_elements(By.CSS_SELECTOR, ".detail pre.text")
    assert [str(each.get_property("textContent")).strip() for each in drawn].count(
        whole.strip()
    ) == 1


def test_results_of_any_workflow_are_shown_whatever_their_fields_mean(page: Chrome) -> None:
    program = """
        const [hostile, own, done] = arguments;
        const names = ["task/decision", "task/result", "vendor/preact"];
        Promise.all(names.map((name) => import(`/console/${name}.js`))).then(
          ([{ Decision, readDecision }, { Result }, { h, render }]) => {
            const [decided, shown] = [document.createElement("div"), document.createElement("div")];
            render(h(Decision, { decision: readDecision(hostile) }), decided);
            render(h(Result, { task: { result: own, finished_at: "now" } }), shown);
            done([decided.textContent, readDecision(own), shown.textContent]);
          },
        );
    """
    hostile: dict[str, object] = {
        "votes": [{"agent": 1, "after": {"verdict": "<b>", "confidence": "x"}}, None, []],
        "verdict": {"decision": None, "dissent": "no list", "evidence": [{"a": 1}, None]},
        "review": {"agrees": False, "model": 5, "problems": "none"},
        "receipt": {"sentence": 3},
    }
    own = {"workflow": "MINE", "text": "t", "verdict": "yes", "votes": 3, "parts": [{"name": "a"}]}

    decided, nothing, shown = page.execute_async_script(program, hostile, own)

    assert "<b>" in decided
    assert "5 does not agree." in decided
    assert nothing is None
    assert all(each in shown for each in ("verdict: yes", "votes: 3", "name: a"))
    assert complaints(page) == []
