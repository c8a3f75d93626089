import json
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedMessage
from protocol.messages import (
    PAYLOADS,
    Envelope,
    McpSubtask,
    MessageType,
    Payload,
    SubtaskProgress,
    is_known,
    read_payload,
)
from tests.support.json_values import OBJECTS
from tests.unit.protocol.goldens import NAMES, golden


def test_every_type_has_a_payload_and_a_golden_message() -> None:
    assert set(PAYLOADS) == set(MessageType)
    assert {golden(name)["type"] for name in NAMES} == set(MessageType)


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_message_is_read_without_losing_a_field(name: str) -> None:
    raw = golden(name)

    message = Envelope.parse(raw)
    payload = read_payload(message, PAYLOADS[MessageType(message.type)])

    assert is_known(message)
    assert payload.model_dump(mode="json", exclude_unset=True) == raw["payload"]
    assert message.version == 1


@given(
    type_=st.text(min_size=1, max_size=100),
    payload=OBJECTS,
    source=st.text(),
    target=st.text(),
    id_=st.uuids(),
    timestamp=st.datetimes(timezones=st.just(UTC)),
    version=st.integers(min_value=0),
)
def test_an_envelope_survives_the_wire(
    type_: str, payload: dict[str, Any], source: str, target: str, id_: UUID, **rest: Any
) -> None:
    said = Envelope(type=type_, payload=payload, source=source, target=target, id=id_, **rest)

    heard = Envelope.parse(json.loads(said.model_dump_json()))

    assert heard == said


def test_a_message_carries_all_given_fields_and_no_nulls() -> None:
    progress = SubtaskProgress(
        task_id=uuid4(), subtask_id=uuid4(), attempt=3, offset=0, delta="def "
    )

    message = Envelope.wrap(
        MessageType.SUBTASK_PROGRESS, progress, source="executor-1", target="cogo-results"
    )

    assert "timestamp" not in message.payload
    assert read_payload(message, SubtaskProgress) == progress
    assert message.timestamp.tzinfo is not None


@pytest.mark.parametrize("name", NAMES)
def test_fields_of_a_newer_sender_are_ignored(name: str) -> None:
    raw = golden(name)
    before = Envelope.parse(raw)
    shape = PAYLOADS[MessageType(before.type)]
    raw["trace"] = raw["payload"]["colour"] = {"of": ["another", "version"]}

    message = Envelope.parse(raw)

    assert read_payload(message, shape) == read_payload(before, shape)


def test_more_params_than_are_named_reach_the_executor() -> None:
    raw = golden("mcp_subtask")
    raw["payload"]["params"]["tests"] = ["assert sort([]) == []"]

    subtask = read_payload(Envelope.parse(raw), McpSubtask)

    assert subtask.params.model_dump()["tests"] == ["assert sort([]) == []"]


def test_a_type_of_a_newer_sender_is_an_envelope_that_is_not_known() -> None:
    raw = golden("task_created") | {"type": "TASK_ADMIRED", "payload": {"stars": 5}}

    message = Envelope.parse(raw)

    assert not is_known(message)
    assert message.payload == {"stars": 5}


def test_a_message_that_was_too_large_may_refer_to_its_row() -> None:
    raw = golden("subtask_result_completed")
    task_id = raw["payload"]["task_id"]
    raw["payload"] = {"task_id": task_id, "ref": {"table": "cogo_subtasks", "id": task_id}}

    assert is_known(Envelope.parse(raw))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"type": None}, "Envelope.type"),
        ({"type": ""}, "Envelope.type"),
        ({"type": "X" * 101}, "Envelope.type"),
        ({"payload": ["a", "list"]}, "Envelope.payload"),
        ({"payload": None}, "Envelope.payload"),
        ({"source": 7}, "Envelope.source"),
        ({"target": {}}, "Envelope.target"),
        ({"id": "not-a-uuid"}, "Envelope.id"),
        ({"timestamp": "yesterday"}, "Envelope.timestamp"),
        ({"version": "one"}, "Envelope.version"),
    ],
)
def test_a_malformed_envelope_is_refused_by_the_name_of_its_field(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(MalformedMessage, match=named):
        Envelope.parse(golden("mcp_subtask") | changes)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("mcp_subtask", "McpSubtask.subtask_id", "unknown"),
        ("mcp_subtask", "McpSubtask.params.model_id", None),
        ("mcp_subtask", "McpSubtask.metadata.priority", "urgent"),
        ("subtask_result_failed", "SubtaskResult.status", "exploded"),
        ("subtask_result_failed", "SubtaskResult.execution_time", "long"),
        ("subtask_progress", "SubtaskProgress.attempt", 0),
        ("subtask_progress", "SubtaskProgress.offset", -1),
        ("subtask_progress", "SubtaskProgress.kind", "music"),
        ("task_created", "TaskCreated.priority", None),
        ("model_status", "ModelStatus.status", "tired"),
        ("model_selection_request", "ModelSelectionRequest.available_models", "all"),
    ],
)
def test_a_malformed_payload_is_refused_by_the_name_of_its_field(
    name: str, path: str, value: object
) -> None:
    raw = golden(name)
    *parents, field = path.split(".")[1:]
    inner = raw["payload"]
    for parent in parents:
        inner = inner[parent]
    inner[field] = value

    with pytest.raises(MalformedMessage, match=path):
        is_known(Envelope.parse(raw))


@given(payload=OBJECTS, type_=st.sampled_from(MessageType))
def test_no_payload_does_anything_but_be_read_or_be_refused(
    payload: dict[str, Any], type_: MessageType
) -> None:
    message = Envelope(type=type_, payload=payload, source="s", target="t")

    try:
        read = read_payload(message, PAYLOADS[type_])
    except MalformedMessage as error:
        assert error.message.startswith(PAYLOADS[type_].__name__)
    else:
        assert isinstance(read, Payload)
