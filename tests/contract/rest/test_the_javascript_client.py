"""The Data API through supabase-js from npm."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract.rest.conftest import fill
from tests.support.node import run_node
from tests.support.servers.contract_target import Target


@pytest.fixture(scope="module")
def answers(rest_schema: Target, javascript_folder: Path) -> dict[str, Any]:
    fill(rest_schema)
    environment = {"SUPABASE_URL": rest_schema.url, "SUPABASE_KEY": rest_schema.secret_key}
    return run_node("rest.mjs", environment)


@pytest.mark.parametrize(
    ("question", "data"),
    [
        ("renamed", [{"nr": 1, "price": "3.00", "b": "two"}]),
        ("filters", [{"name": "bolt"}]),
        ("any", [{"name": "bolt"}, {"name": "gear"}]),
        ("all", [{"name": "wheel"}]),
        ("quoted", [{"name": "bolt"}]),
        ("contained", [{"name": "bolt"}]),
        ("json", [{"name": "bolt"}]),
        ("ranges", [{"name": "bolt"}]),
        ("overlaps", [{"name": "gear"}]),
        ("matched", [{"name": "gear"}]),
        ("logic", [{"name": "bolt"}, {"name": "wheel"}]),
        ("search", [{"name": "gear"}]),
        ("page", [{"name": "gear"}]),
        (
            "embedded",
            [
                {
                    "name": "acme",
                    "rest_widgets": [{"name": "gear", "rest_labels": [{"title": "old"}]}],
                }
            ],
        ),
        ("emptied", [{"name": "zeta"}]),
        ("single", {"name": "bolt"}),
        ("maybe", {"name": "bolt"}),
        ("maybeNone", None),
        ("csv", 'id,tags\n1,"{small,""with, comma""}"\n2,{large}'),
        ("insert", None),
        ("insertMany", [{"name": "one", "country": None}, {"name": "two", "country": "it"}]),
        ("upsert", [{"id": 1, "name": "acme", "country": "it"}]),
        ("ignored", [{"name": "three"}]),
        ("update", {"price": 4}),
        ("scalar", 11),
        ("scalarByGet", 3),
        ("listByGet", [1, 2]),
        ("set", [{"name": "gear"}]),
    ],
)
def test_it_gets_the_data(answers: dict[str, Any], question: str, data: object) -> None:
    assert answers[question]["error"] is None
    assert answers[question]["data"] == data


@pytest.mark.parametrize(
    ("question", "count", "status"),
    [
        ("page", 3, 206),
        ("head", 2, 200),
        ("estimated", 3, 200),
        ("insertMany", 2, 201),
        ("remove", 1, 204),
        ("counted", 3, 200),
        ("nothing", None, 204),
    ],
)
def test_it_gets_the_count_and_the_status(
    answers: dict[str, Any], question: str, count: int | None, status: int
) -> None:
    assert (answers[question]["count"], answers[question]["status"]) == (count, status)


def test_a_planned_count_is_an_estimate(answers: dict[str, Any]) -> None:
    assert answers["planned"]["count"] > 0


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("noSingle", 406, "PGRST116"),
        ("maybeMany", 406, "PGRST116"),
        ("explained", 406, "PGRST107"),
        ("unknownTable", 404, "PGRST205"),
        ("unknownColumn", 400, "42703"),
        ("tooMany", 400, "PGRST124"),
        ("unfiltered", 400, "21000"),
        ("duplicate", 409, "23505"),
        ("raised", 409, "PT409"),
        ("writesByGet", 405, "25006"),
        ("otherSchema", 406, "PGRST106"),
    ],
)
def test_it_gets_the_error(answers: dict[str, Any], question: str, status: int, code: str) -> None:
    assert (answers[question]["status"], answers[question]["error"]["code"]) == (status, code)


def test_an_unknown_table_gets_a_hint_at_a_similar_one(answers: dict[str, Any]) -> None:
    hint = answers["unknownTable"]["error"]["hint"]

    assert hint == "Perhaps you meant the table 'public.rest_widgets'"


def test_a_request_may_be_aborted_and_an_error_thrown(answers: dict[str, Any]) -> None:
    assert "AbortError" in answers["aborted"]["error"]["message"]
    assert answers["thrown"] == {
        "name": "PostgrestError",
        "code": "42703",
        "message": "column rest_widgets.nope does not exist",
    }


def test_it_gets_the_description_of_the_api(answers: dict[str, Any]) -> None:
    assert answers["openapi"]["error"] is None
    assert {"/rest_widgets", "/rpc/rest_add"} <= set(answers["openapi"]["paths"])
