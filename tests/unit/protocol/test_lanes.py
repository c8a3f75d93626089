import pytest

from protocol.lanes import is_model_lane


@pytest.mark.parametrize(
    ("lane", "is_model"),
    [
        ("claude-sonnet-5-5", True),
        ("ollama/qwen3:8b", True),
        ("sandbox", True),
        ("waiting", True),
        ("cio", False),
        ("wait", False),
        ("sandbox:python", False),
        ("tools:shop", False),
    ],
)
def test_only_what_is_none_of_our_own_lanes_is_a_model(lane: str, is_model: bool) -> None:
    assert is_model_lane(lane) is is_model
