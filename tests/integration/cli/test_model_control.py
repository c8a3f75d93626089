"""Ratings and controls of models on the command line."""

import asyncio
import csv
import getpass
import gzip
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from cogo.cli.app import run
from cogo.evaluation.routing.columns import Named
from cogo.evaluation.routing.reading import read_records
from embedded.state import State
from protocol.lanes import EMBEDDINGS
from tests.support.sql.agent import Agent
from tests.support.sql.outcomes import DATA, answered, outcome, planned

_T = TypeVar("_T")
SONNET = "claude-sonnet-5-5"
RETIRED = "fireworks/qwen3-coder-480b-a35b-instruct"


@dataclass(frozen=True, slots=True)
class Program:
    """The program on a project of its own, and an agent that a test controls."""

    state: State
    capsys: pytest.CaptureFixture[str]

    def say(self, *arguments: str, code: int = 0) -> str:
        assert run(arguments) == code
        said = self.capsys.readouterr()
        return said.out + said.err

    def json(self, *arguments: str) -> Any:
        assert run([*arguments, "--json"]) == 0
        return json.loads(self.capsys.readouterr().out)

    def act(self, deed: Callable[[Agent], Awaitable[_T]]) -> _T:
        async def connected() -> _T:
            connection = await asyncpg.connect(self.state.db_url)
            try:
                await connection.set_type_codec(
                    "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
                )
                return await deed(Agent(connection))
            finally:
                await connection.close()

        return asyncio.run(connected())


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(chosen_project, capsys)


def test_feedback_is_kept_and_counts_for_the_model(cogo: Program) -> None:
    task_id = str(cogo.act(lambda agent: answered(agent, "model-a")))

    said = cogo.say("feedback", task_id, "bad", "--comment", "it does not run")
    rating = cogo.json("feedback", task_id, "good")

    assert said == f"{task_id}  bad: model-a at code-generation\n"
    assert (rating["model_id"], rating["comment"]) == ("model-a", "it does not run")
    assert cogo.act(lambda agent: outcome(agent, "model-a"))["good"] == 1


def test_judged_answers_are_exported_for_an_evaluation(cogo: Program, tmp_path: Path) -> None:
    for model, rating in (("model-a", "good"), ("model-b", "bad"), ("model-c", None)):
        task_id = str(cogo.act(partial(answered, model_id=model)))
        if rating:
            cogo.say("feedback", task_id, rating)

    said = cogo.say("models", "outcomes", "--export", "x.csv")
    packed = cogo.json("models", "outcomes", "--export", "x.csv.gz", "--prompts", "--since", "1d")
    again = cogo.say("models", "outcomes", "--export", "x.csv", code=1)
    wrong = cogo.say("models", "outcomes", "--prompts", code=2)

    rows = [*csv.DictReader((tmp_path / "x.csv").read_text().splitlines())]
    assert "wrote 2 judged answers to x.csv; 0 were left out" in said
    assert {each["model"]: (each["quality"], each["cost"], each["judged_by"]) for each in rows} == {
        "model-a": ("1", "0.01", "feedback"), "model-b": ("0", "0.01", "feedback")
    }  # fmt: skip
    assert "prompt" not in rows[0]
    assert (packed["answers"], packed["left_out"]) == (2, 0)
    assert "do a" in gzip.decompress((tmp_path / "x.csv.gz").read_bytes()).decode()
    assert "x.csv exists (name a new file)" in again
    assert "need --export FILE" in wrong
    assert [each.name for each in tmp_path.glob(".x*")] == []
    for name in ("x.csv", "x.csv.gz"):  # they were asked the same
        [prompt] = read_records(tmp_path / name, Named()).prompts
        assert (prompt.quality, prompt.cost) == ((1, 0), (0.01, 0.01))
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_weak_judgements_are_exported_if_they_are_asked_for(cogo: Program) -> None:
    cogo.act(partial(answered, model_id="model-a", output=DATA))
    cogo.act(lambda agent: outcome(agent, "model-a"))

    usual = cogo.json("models", "outcomes", "--export", "x.csv")
    all_of_them = cogo.json("models", "outcomes", "--export", "y.csv", "--min-strength", "0")

    assert (usual["answers"], usual["left_out"]) == (0, 1)
    assert (all_of_them["answers"], all_of_them["left_out"]) == (1, 0)


def test_stats_and_why_and_estimate_show_numbers_before_and_after(cogo: Program) -> None:
    expected = {
        "quality": 0.8,
        "low": 0.7,
        "high": 0.9,
        "outcomes": 3,
        "judged_by": {"edit": 0.9, "feedback": 2.0},
        "cost_usd": 0.03,
        "total_ms": 9000,
    }
    taken = {"model_id": SONNET, "rank": 1, "expected": expected, "preferred_by": ["quality"]}
    other = taken | {
        "model_id": "model-b",
        "preferred_by": ["speed"],
        "expected": expected | {"cost_usd": 0.01, "total_ms": 3000},
    }
    task_id = str(cogo.act(lambda agent: answered(agent, SONNET)))
    banned = [{"model_id": f"banned-{n}", "refused": "operators banned it"} for n in range(7)]
    further = [{"model_id": f"more-{n}", "rank": n + 3, "expected": expected} for n in range(9)]
    cogo.act(lambda agent: recorded(agent, [taken, other, *further, *banned]))
    cogo.act(an_executor)
    cogo.say("feedback", task_id, "good")

    [row] = cogo.json("models", "stats")["models"]
    said = cogo.say("models", "why", task_id)
    weighed = cogo.json("estimate", "Write a function is_palindrome(text)", "--model", SONNET)
    refused = cogo.say("estimate", "x", "--model", "no-such-model", code=2)

    assert (row["model_id"], row["health"]) == (SONNET, "ok")
    assert (row["selections"], row["completed"], row["availability"]) == (1, 1, 1)
    assert (row["satisfaction"], row["cost_usd"], row["output_tokens"]) == (1, "0.01", 100)
    assert "with speed preferred (policy scored): model-b: 3.0 times cheaper, 3.0" in said
    assert f"1 {SONNET}: quality 0.80 (0.70 to 0.90) from 3 outcomes" in said
    assert "3 outcomes (feedback 2.0, edit 0.9), $0.0300, 9.0 s" in said
    assert "and 3 others (--json prints all)" in said
    assert (
        "excluded: banned-0, banned-1, banned-2, banned-3, banned-4 and 2 others: operators" in said
    )
    assert said.count("more-") == 6
    assert weighed["model"] == SONNET
    cost = weighed["cost_usd"]
    assert 0 < cost["low"] < cost["expected"] < cost["high"]
    assert "does not exist" in refused


async def recorded(agent: Agent, candidates: list[dict[str, Any]]) -> None:
    await agent.connection.execute(
        "update public.cogo_model_selections set candidates = $1", candidates
    )


async def an_executor(agent: Agent, *others: str) -> None:
    await agent.connection.execute(
        "insert into public.cogo_agents (id, kind, lanes) values ('e', 'executor', $1)",
        [SONNET, *others],
    )


def test_models_that_only_an_executor_knows_are_listed_too(cogo: Program) -> None:
    cogo.act(lambda agent: an_executor(agent, "elsewhere/strange"))

    shown = cogo.say("models", "list")
    rows = {row["id"]: row["served_by"] for row in cogo.json("models", "list")}

    assert "not in the catalogue of this machine" in shown
    assert rows.items() >= {SONNET: "executors", "elsewhere/strange": "executors"}.items()


def test_operators_control_models_and_policies_live(cogo: Program) -> None:
    cogo.act(lambda agent: planned(agent, SONNET))

    banned = cogo.say("models", "ban", SONNET, "--reason", "it lies")
    cogo.say("models", "pin", "coding", "--task-type", "general")
    cogo.say("models", "policy", "scored")
    shown = cogo.json("models", "policy")
    allowed = cogo.json("models", "allow", SONNET)
    wrong = [
        cogo.say("models", "ban", SONNET, "--task-type", name, code=2)
        for name in ("CHAT", "translation")
    ]

    assert all(
        "code-optimization, general (all tasks that are not about code)" in each for each in wrong
    )
    assert banned == f"{SONNET}: ban, before allow; 1 waiting get another model\n"
    assert shown["deployment"] == "scored"
    said = [(row["action"], row["scope"], row["reason"]) for row in shown["controls"]]
    assert said == [
        ("ban", "everywhere", "it lies"),
        ("pin", "task_type:general", f"set by cli:{getpass.getuser()}@{socket.gethostname()}"),
    ]
    assert (allowed["action"], allowed["was"]) == ("allow", "ban")


async def stored(agent: Agent) -> set[tuple[str, str]]:
    rows = await agent.connection.fetch("select action, subject from cogo.controls")
    return {(row["action"], row["subject"]) for row in rows}


async def a_control(agent: Agent, action: str, subject: str) -> None:
    await agent.connection.execute(
        "insert into cogo.controls (scope, subject, action, reason, who)"
        " values ('everywhere', $1, $2, 'earlier', 'ann')",
        subject,
        action,
    )


@pytest.mark.parametrize("action", ["pin", "ban", "drain"])
@pytest.mark.parametrize(
    ("name", "retired"),
    [
        ("coding", RETIRED),
        ("claude-3.5-sonnet", "claude-3.5-sonnet"),
    ],
)
def test_a_control_applies_to_the_model_that_a_name_stands_for_and_is_undone_under_all_its_ids(
    cogo: Program, action: str, name: str, retired: str
) -> None:
    successor = cogo.json("models", "show", name)["id"]

    controlled = cogo.say("models", action, name)
    kept = cogo.act(stored)
    cogo.act(lambda agent: a_control(agent, "ban", retired))
    allowed = cogo.json("models", "allow", name)

    assert controlled == (f"{name} stands for {successor}\n{successor}: {action}, before allow\n")
    assert kept == {(action, successor)}
    assert (allowed["asked"], allowed["subject"], allowed["also"]) == (name, successor, [retired])
    assert cogo.act(stored) == set()


def test_a_control_under_the_retired_id_alone_is_undone_and_named(cogo: Program) -> None:
    cogo.act(lambda agent: a_control(agent, "pin", RETIRED))

    assert f"{RETIRED}: allow, before pin\n" in cogo.say("models", "allow", "coding")
    assert cogo.act(stored) == set()


def test_an_id_that_an_executor_serves_keeps_its_control_for_itself(cogo: Program) -> None:
    strange = "elsewhere/strange"
    cogo.act(lambda agent: an_executor(agent, RETIRED, strange))

    cogo.say("models", "ban", "coding")
    cogo.say("models", "drain", strange)
    assert cogo.act(stored) == {("ban", RETIRED), ("drain", strange)}

    cogo.act(lambda agent: agent.connection.execute("delete from public.cogo_agents"))
    cogo.say("models", "allow", "coding")
    cogo.say("models", "allow", strange)
    assert cogo.act(stored) == set()


def test_an_estimate_prices_vectors(cogo: Program) -> None:
    small = "text-embedding-3-small"
    cogo.act(lambda agent: an_executor(agent, f"{EMBEDDINGS}{small}"))
    words = ("estimate", "x" * 4_000, "--type", "EMBED", "--model", small)

    shown, weighed = cogo.say(*words), cogo.json(*words)

    cost = weighed["cost_usd"]
    assert 0 < cost["low"] < cost["expected"] < cost["high"] < 0.001
    assert weighed["model"] == weighed["steps"][0]["model"] == small
    assert f"main by {small}" in shown
    assert "about $0.0000" in shown
    assert cogo.json("models")[-1] == {"kind": "embedding", "served_by": "executors"} | {
        key: value for key, value in cogo.json("models", "show", small).items()
        if key not in {"asked", "asked_id", "note"}
    }  # fmt: skip


def test_an_estimate_tells_that_costs_are_simulated(cogo: Program) -> None:
    cogo.act(an_executor)
    real = cogo.say("estimate", "x", "--model", SONNET)
    cogo.act(
        lambda agent: agent.connection.execute(
            """update public.cogo_agents set details = '{"simulated": true}'"""
        )
    )

    assert "costs are simulated" not in real
    assert "costs are simulated" in cogo.say("estimate", "x", "--model", SONNET)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("ban", "no-such-model"), "no-such-model"),
        (("allow", "no-such-model"), "no-such-model"),
        (("pin", "anthropic"), "only a model can be pinned"),
        (("drain", SONNET, "--owner", "me"), "not a user's UUID"),
        (("policy", "scored", "--clear"), "not both"),
    ],
)
def test_control_of_unknown_models_is_refused(
    cogo: Program, words: tuple[str, ...], complaint: str
) -> None:
    assert complaint in cogo.say("models", *words, code=2)


@pytest.mark.parametrize(
    ("words", "complaint", "code"),
    [
        (("not-an-id", "good"), "not-an-id", 2),
        (("00000000-0000-4000-8000-000000000009", "good"), "there is no task", 1),
    ],
)
def test_feedback_without_a_result_is_refused(
    cogo: Program, words: tuple[str, ...], complaint: str, code: int
) -> None:
    assert complaint in cogo.say("feedback", *words, code=code)
