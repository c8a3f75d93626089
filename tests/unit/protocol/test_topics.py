from uuid import UUID

import pytest

from protocol.errors import InvalidArgument
from protocol.ids import parse_id_range, utc_now
from protocol.topics import ALL, MODEL_SELECTION, RESULTS, SUBTASKS, TASKS, result_topic

TASK = UUID("3f2a9c1e-0d4b-4c55-9a51-7b1f0c2d3e4f")


def test_topics_are_those_of_the_first_documents() -> None:
    assert ALL == ("cogo-tasks", "cogo-subtasks", "cogo-results", "model-selection")
    assert ALL == (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)


def test_each_task_has_a_topic_of_its_own_which_no_other_listener_hears() -> None:
    assert result_topic(TASK) == f"cogo-results:{TASK}"
    assert result_topic(TASK) not in ALL


@pytest.mark.parametrize("text", [str(TASK), f" {TASK}\n", TASK.hex, str(TASK).upper()])
def test_an_id_is_read_as_people_paste_it(text: str) -> None:
    assert parse_id_range(text) == (TASK, TASK)


@pytest.mark.parametrize("text", ["", "not-an-id", "0" * 33, "\ud800", "x" * 10_000])
def test_an_invalid_id_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidArgument, match="is not an id") as refused:
        parse_id_range(text)

    assert refused.value.hint is not None
    assert "looks like 3f2a9c1e" in refused.value.hint
    assert len(str(refused.value)) < 500
    str(refused.value).encode()


def test_the_clock_knows_its_zone() -> None:
    offset = utc_now().utcoffset()

    assert offset is not None
    assert not offset
