"""What tasks may say of their session."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents.workflows.params import ChatParams

SESSION = "5e551011-0000-4000-8000-000000000001"


@pytest.mark.parametrize("history", ["off", 0, 1, 1_000, None])
def test_a_task_says_how_many_turns_it_wants(history: Any) -> None:
    params = ChatParams(history=history)

    assert params.history == history
    assert params.for_request() == {}


@pytest.mark.parametrize("history", ["on", "", -1, 1_001, 2.5, True, [], {}])
def test_what_is_no_number_of_turns_is_refused_with_what_is(history: Any) -> None:
    with pytest.raises(ValidationError, match='must be "off" or a number of turns from 0 to 1000'):
        ChatParams(history=history)


@pytest.mark.parametrize(
    "fork",
    [
        {},
        {"session_id": "greetings"},
        {"session_id": SESSION, "through": 0},
        {"session_id": SESSION, "through": "1"},
        {"session_id": SESSION, "until": 1},
        SESSION,
    ],
)
def test_what_names_no_session_is_refused(fork: Any) -> None:
    with pytest.raises(ValidationError, match="fork_session"):
        ChatParams(fork_session=fork)


def test_a_session_to_copy_goes_to_no_model() -> None:
    params = ChatParams.model_validate({"fork_session": {"session_id": SESSION, "through": 7}})

    assert params.for_request() == {}
