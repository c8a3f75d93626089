"""What a step with tools needs from its model."""

from typing import Any

import pytest

from agents.orchestrator.tool_check import find_tool_needs

LOOK: dict[str, Any] = {"client_tools": [{"name": "look", "parameters": {}}]}


@pytest.mark.parametrize(
    ("params", "is_forced"),
    [
        (LOOK | {"tool_choice": "required"}, True),
        (LOOK | {"tool_choice": {"name": "look"}}, True),
        ({"tools": ["cogo:run_code"], "tool_choice": "required"}, True),
        (LOOK | {"tool_choice": "auto"}, False),
        (LOOK | {"tool_choice": "none"}, False),
        (LOOK, False),
        ({"tool_choice": "required"}, False),
        ({"tools": ["web_search"], "tool_choice": "required"}, False),
    ],
)
def test_a_model_must_call_a_tool_if_the_choice_says_so(
    params: dict[str, Any], *, is_forced: bool
) -> None:
    assert find_tool_needs(params).is_forced is is_forced
