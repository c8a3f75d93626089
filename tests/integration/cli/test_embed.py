"""`cogo embed`: vectors under the same limits as all calls, stored and found again."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cogo.cli.app import run
from embedded.state import State
from tests.support.servers.simulator import simulator_process

MODEL = "text-embedding-3-small"
OWNER = "00000000-0000-4000-8000-000000000009"
Say = Callable[..., Any]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with simulator_process() as url:
        yield url


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on an emptied project; return what it printed as JSON."""

    def say(*arguments: str) -> Any:
        capsys.readouterr()
        assert run([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return say


def test_stored_texts_are_found_by_similarity_and_each_call_is_in_the_audit(
    cogo: Say, simulator: str, tmp_path: Path
) -> None:
    (tmp_path / "tax.md").write_text("the law of taxes")
    rest = ("--model", MODEL, "--simulator-url", simulator, "--owner", OWNER)

    kept = cogo("embed", "a red apple", "--file", "tax.md", "--keep", *rest)
    again = cogo("embed", "a red apple", "--keep", *rest)
    [asked] = cogo("embed", "red apple", "--near", "2", *rest)["embeddings"]
    [stranger] = cogo("embed", "red apple", "--near", "2", *rest[:-2])["embeddings"]

    assert (kept["model"], kept["provider"], kept["simulated"]) == (MODEL, "openai", True)
    assert [each["source"] for each in kept["embeddings"]] == [None, "tax.md"]
    assert {each["dimensions"] for each in kept["embeddings"]} == {1536}
    assert again["embeddings"][0]["id"] == kept["embeddings"][0]["id"]
    assert [row["content"] for row in asked["near"]] == ["a red apple", "the law of taxes"]
    assert 1 >= asked["near"][0]["likeness"] > asked["near"][1]["likeness"]
    assert stranger["near"] == []

    calls = cogo("audit", "--owner", OWNER)
    assert {(call["outcome"], call["model_id"], call["simulated"]) for call in calls} == {
        ("completed", MODEL, True)
    }
    assert len(calls) == 3
    assert calls[-1]["cost_usd"] == kept["cost_usd"]
    assert calls[-1]["input_tokens"] == kept["tokens"]
    assert all(call["prompt_sha256"] and call["prompt"] is None for call in calls)


def test_stored_texts_are_listed_and_deleted_by_file_text_id_and_owner(
    cogo: Say, simulator: str, tmp_path: Path
) -> None:
    (tmp_path / "tax.md").write_text("the law of taxes")
    rest = ("--model", MODEL, "--simulator-url", simulator, "--keep")
    cogo("embed", "a red apple", "--file", "tax.md", *rest)
    [theirs] = cogo("embed", "a red apple", "--owner", OWNER, *rest)["embeddings"]

    listed = cogo("embeddings", "list", "--model", MODEL)
    would = cogo("embeddings", "forget", "--file", "docs/tax.md", "--dry-run")
    gone = cogo("embeddings", "forget", "--file", "docs/tax.md")
    other_model = cogo("embeddings", "forget", "--all", "--model", "text-embedding-3-large")
    nobodys = cogo("embeddings", "forget", "--text", "a red apple")
    [left] = cogo("embeddings")

    assert {each["content"] for each in listed} == {"a red apple", "the law of taxes"}
    assert (would, gone) == (
        {"forgotten": 1, "dry_run": True},
        {"forgotten": 1, "dry_run": False},
    )
    assert (other_model["forgotten"], nobodys["forgotten"]) == (0, 1)
    assert (left["id"], left["owner"]) == (theirs["id"], OWNER)
    assert cogo("embeddings", "forget", "--older-than", "1d", "--owner", "all")["forgotten"] == 0
    assert cogo("embeddings", "forget", theirs["id"])["forgotten"] == 1
    assert cogo("embeddings") == []


def test_a_data_policy_holds_for_embeddings_and_unknown_is_not_eligible(
    cogo: Say, simulator: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("embed", "hello", "--model", MODEL, "--simulator-url", simulator, "--data-policy")

    refused = (run((*line, "local-only")), capsys.readouterr().err)
    unknown = (run((*line, "any", "--data-policy", "region:mars")), capsys.readouterr().err)

    assert refused[0] == unknown[0] == 1
    assert "the data policy is local-only" in refused[1]
    assert "the data policy is region:mars" in unknown[1]
    assert cogo("audit") == []
    assert len(cogo(*line, "any")["embeddings"]) == 1


def test_with_pgvector_kept_vectors_are_indexed_as_they_are(
    cogo: Say, simulator: str, project: State
) -> None:
    cogo("embed", "a", "b", "--keep", "--model", MODEL, "--simulator-url", simulator)

    async def nearest() -> list[str]:
        connection = await asyncpg.connect(project.db_url)
        changes = connection.transaction()
        await changes.start()
        try:
            await connection.execute("create extension if not exists vector")
            await connection.execute(
                "create index on cogo_embeddings using hnsw"
                " ((vector::vector(1536)) vector_cosine_ops) where dimensions = 1536"
            )
            rows = await connection.fetch(
                "select content from cogo_embeddings order by vector::vector(1536) <=>"
                " (select vector::vector(1536) from cogo_embeddings where content = 'b') limit 1"
            )
        finally:
            await changes.rollback()  # other tests share the project
            await connection.close()
        return [row["content"] for row in rows]

    assert asyncio.run(nearest()) == ["b"]


def test_grants_hold_for_embeddings_and_a_cap_holds_no_simulated_ones(
    cogo: Say, simulator: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ("embed", "hello", "--model", MODEL, "--simulator-url", simulator, "--owner", OWNER)

    cogo("budget", "set", f"owner:{OWNER}", "0")
    assert run(line) == 0
    assert "$0.0000" in capsys.readouterr().err
    cogo("budget", "remove", f"owner:{OWNER}")
    cogo("grants", "set", OWNER, "--provider", "anthropic")
    refused = (run(line), capsys.readouterr().err)

    cogo("grants", "set", OWNER, "--model", MODEL)
    assert run(line) == 0
    cogo("models", "ban", MODEL, "--reason", "a test")
    capsys.readouterr()
    banned = (run(line), capsys.readouterr().err)
    cogo("models", "allow", MODEL)

    assert (refused[0], banned[0]) == (1, 1)
    assert MODEL in refused[1]
    assert "a test" in banned[1]
    cogo("grants", "remove", OWNER)
    assert [(call["simulated"], call["cost_usd"]) for call in cogo("audit")] == [(True, "0")] * 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("embed", "x", "--model", "text-embeding-3-small"), "text-embedding-3-small"),
        (("embed", "x", "--model", MODEL), "OPENAI_API_KEY"),
        (("embed", "--model", MODEL), "nothing to embed"),
        (("embed", "x", "--model", MODEL, "--owner", "me"), "not an owner"),
        (("embed", "x", "--model", MODEL, "--data-policy", "secret"), "no-training, eu"),
        (("embeddings", "forget"), "--older-than or --all"),
        (("embeddings", "forget", "x"), "is not an id"),
        (("embeddings", "forget", "--older-than", "long"), "--older-than is 'long'"),
    ],
    ids=[
        "a misspelt model",
        "no key",
        "no text",
        "not an owner",
        "not a data policy",
        "nothing to forget",
        "no id",
        "no age",
    ],
)
@pytest.mark.usefixtures("cogo")
def test_a_text_that_cannot_be_embedded_is_refused_with_a_remedy(
    capsys: pytest.CaptureFixture[str], line: tuple[str, ...], words: str
) -> None:
    assert run(line) != 0
    assert words in capsys.readouterr().err
