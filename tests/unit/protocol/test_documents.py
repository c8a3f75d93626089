import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft202012Validator

from protocol.errors import MalformedMessage, all_errors
from protocol.messages import Envelope, MessageType, is_known
from protocol.store.calls import AnswerCacheStore, CallStateStore
from protocol.store.columns import ColumnRunStore, ColumnStore
from protocol.store.embeddings import EmbeddingStore
from protocol.store.gateway import GatewayStore
from protocol.store.instance import InstanceStore, VerifyingStore
from protocol.store.memory import MemoryStore, MemoryUseStore, VectorOutboxStore
from protocol.store.models import ModelStore
from protocol.store.queue import QueueStore
from protocol.store.sessions import SessionReadStore, SessionStore
from protocol.store.spending import SpendingStore
from protocol.store.waits import WaitStore
from protocol.topics import ALL
from scripts.docs_pages.protocol import build_documents
from scripts.docs_pages.protocol.channels import CHANNELS
from scripts.docs_pages.protocol.functions import parse_functions
from scripts.docs_pages.protocol.schemas import iter_references
from tests.unit.protocol.goldens import NAMES, golden

ROOT: Final = Path(__file__).parents[3]
SQL: Final = [
    path.read_text("utf-8") for path in sorted((ROOT / "supabase/schemas").glob("*/*.sql"))
]
DOCUMENTS: Final = build_documents(SQL, version="1")


def schema_of(type_: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENTS[f"protocol/{type_}.schema.json"])
    return document


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_documents_say_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs/reference" / name).read_text("utf-8") == DOCUMENTS[name], (
        "run scripts/docs"
    )


@pytest.mark.parametrize("type_", [*MessageType, "envelope"])
def test_every_schema_is_a_valid_schema_on_its_own(type_: str) -> None:
    schema = schema_of(type_)

    Draft202012Validator(schema)  # raises if it is none
    assert {ref.removeprefix("#/$defs/") for ref in iter_references(schema)} <= set(
        schema.get("$defs", {})
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_message_satisfies_its_schema(name: str) -> None:
    message = golden(name)

    Draft202012Validator(schema_of(message["type"])).validate(message)
    Draft202012Validator(schema_of("envelope")).validate(message)


def test_a_reference_to_a_row_satisfies_the_schema_of_its_type() -> None:
    message = golden("subtask_result_completed")
    message["payload"] = {"ref": {"table": "cogo_subtasks", "id": message["payload"]["task_id"]}}

    assert Draft202012Validator(schema_of("SUBTASK_RESULT")).is_valid(message)
    assert not Draft202012Validator(schema_of("TASK_CREATED")).is_valid(message)


def without_one_field(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield copies of a value that lack one field, at each depth."""
    for key, value in part.items():
        yield {k: copy.deepcopy(v) for k, v in part.items() if k != key}
        if isinstance(value, dict):
            for inner in without_one_field(value):
                yield {**part, key: inner}


@pytest.mark.parametrize("name", NAMES)
def test_schema_and_code_agree_on_which_fields_may_be_missing(name: str) -> None:
    validator = Draft202012Validator(schema_of(golden(name)["type"]))

    for message in without_one_field(golden(name)):
        assert validator.is_valid(message) == can_be_read(message), message


def can_be_read(message: dict[str, Any]) -> bool:
    try:
        return is_known(Envelope.parse(message))
    except MalformedMessage:
        return False


def test_every_topic_and_every_type_has_a_channel() -> None:
    assert {channel.topic for channel in CHANNELS} == {
        *ALL,
        "cogo-results:{task_id}",
        "cogo-approvals:{user_id}",
    }
    assert {kind for channel in CHANNELS for kind in channel.types} == set(MessageType)


def test_the_asyncapi_document_refers_only_to_what_it_contains() -> None:
    document = json.loads(DOCUMENTS["protocol/asyncapi.json"])

    for ref in iter_references(document):
        found: Any = document
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]
        assert found
    assert {channel["address"] for channel in document["channels"].values()} == {
        channel.topic for channel in CHANNELS
    }


_FUNCTIONS: Final = {
    "cogo_set_member": "cogo_set_project_member",
    "cogo_remove_member": "cogo_remove_project_member",
}
"""Functions whose names differ from those of the store's calls."""


def test_every_call_of_the_store_is_a_documented_function() -> None:
    groups = (
        QueueStore,
        GatewayStore,
        ModelStore,
        CallStateStore,
        AnswerCacheStore,
        SpendingStore,
        EmbeddingStore,
        WaitStore,
        ColumnRunStore,
        ColumnStore,
        InstanceStore,
        VerifyingStore,
        MemoryUseStore,
        VectorOutboxStore,
        MemoryStore,
        SessionReadStore,
        SessionStore,
    )
    methods = {name for group in groups for name in vars(group)} - {"delete_task"}  # of a table
    calls = {f"cogo_{name}" for name in methods if not name.startswith(("_", "fetch_", "find_"))}
    # Reads that are functions, and not of a table.
    calls |= {
        "cogo_queue",
        "cogo_spending_stop",
        "cogo_queue_history",
        "cogo_dead_letter_groups",
        "cogo_usage",
        "cogo_instance",
        "cogo_deployments",
        "cogo_api_keys",
        "cogo_budgets",
        "cogo_grants",
        "cogo_memory_status",
        "cogo_forgotten_sessions",
        "cogo_judged_answers",
        "cogo_find_tasks",
        "cogo_task_facets",
        "cogo_projects",
    }
    calls = {_FUNCTIONS.get(each, each) for each in calls}
    calls |= {"cogo_cached_answer", "cogo_silent_ms", "cogo_step_outputs", "cogo_subtask_turns"}

    assert {function.name for function in parse_functions(SQL)} == calls
    for name in calls:
        assert f"### {name}\n" in DOCUMENTS["protocol/protocol.md"]


def test_a_function_without_a_comment_is_not_passed_over() -> None:
    sql = (
        "create or replace function public.cogo_x(p_a text)\n  returns text\n  language sql as '';"
    )

    with pytest.raises(ValueError, match="cogo_x"):
        parse_functions([sql])


def test_every_error_that_sql_raises_or_python_knows_is_on_the_page() -> None:
    page = DOCUMENTS["errors.md"]

    codes = {each.code for each in all_errors() if "code" in vars(each)}

    assert {
        line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if "| TQ" in line
    } == codes
