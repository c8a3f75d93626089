"""Requests for embeddings become tasks, as few as rows are large enough for."""

from typing import Any, get_type_hints

import pytest
from openai.types.embedding_create_params import EmbeddingCreateParams

from gateway.models import EmbeddingFacts
from gateway.problems import Problem
from gateway.tasks.openai.embeddings import (
    MAX_INPUT_BYTES,
    EmbeddingsBody,
    build_embedding_tasks,
)
from protocol.embeddings import count_fitting_texts
from protocol.records import NewTask

MODEL = EmbeddingFacts(id="text-embedding-3-small", dimensions=1536, simulated=False)


def tasks_for(**fields: Any) -> list[NewTask]:
    body = EmbeddingsBody.model_validate({"model": "small", "input": "a"} | fields)
    return build_embedding_tasks(body, MODEL)


def inputs(tasks: list[NewTask]) -> list[Any]:
    return [each for task in tasks for each in task.params["input"]]


def test_a_request_is_one_task_of_the_model_that_was_found() -> None:
    [task] = tasks_for(input=["red\napple", "b"], dimensions=8, encoding_format="base64")

    assert (task.type, task.model, task.prompt) == ("EMBED", MODEL.id, "red apple (and 1 more)")
    assert task.params == {
        "input": ["red\napple", "b"],
        "dimensions": 8,
        "encoding_format": "base64",
    }
    assert tasks_for()[0].params == {"input": ["a"], "encoding_format": "float"}


def test_openai_s_parameters_are_all_known() -> None:
    known = EmbeddingsBody.model_fields.keys() | {"user"}

    assert get_type_hints(EmbeddingCreateParams).keys() <= known
    body = EmbeddingsBody.model_validate({"model": "m", "input": "a", "user": "u", "x": 1})
    assert body.ignored == ["user"]


@pytest.mark.parametrize(
    ("given", "purpose"),
    [("query", "query"), ("search_query", "query"), ("Document", "document")],
)
def test_the_purpose_has_the_names_that_clients_send(given: str, purpose: str) -> None:
    assert tasks_for(input_type=given)[0].params["purpose"] == purpose


def test_as_many_texts_are_a_task_as_its_vectors_leave_room_for() -> None:
    texts = [f"text {number}" for number in range(1_000)]

    tasks = tasks_for(input=texts)

    most = count_fitting_texts(1536, "float")
    assert [len(each.params["input"]) for each in tasks] == [most] * 8 + [1_000 - 8 * most]
    assert inputs(tasks) == texts
    assert len(tasks_for(input=texts, dimensions=64)) == 1


@pytest.mark.parametrize("text", ["a" * 400_000, "\u00e4" * 200_000, list(range(60_000))])
def test_texts_that_one_row_cannot_hold_are_several_tasks(text: Any) -> None:
    tasks = tasks_for(input=[text] * 5)

    assert [len(each.params["input"]) for each in tasks] == [2, 2, 1]
    assert inputs(tasks) == [text] * 5


def test_a_text_that_no_row_can_hold_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        tasks_for(input=["a", "a" * MAX_INPUT_BYTES])

    assert (refused.value.status_code, refused.value.extra["param"]) == (400, "input")
    assert "text 1" in refused.value.detail
