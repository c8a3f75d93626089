from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded.realtime.access.join_request import (
    JoinRequest,
    ReplayRequest,
    add_binding_id,
    parse_join,
)
from embedded.realtime.wire.json import Json

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text()
            | st.sampled_from(
                ["config", "broadcast", "presence", "replay", "since", "limit", "private", "key"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(payload=ANYTHING)
def test_any_payload_is_parsed(payload: Any) -> None:
    assert isinstance(parse_join("realtime:room", payload), JoinRequest)


@pytest.mark.parametrize(
    ("wish", "replay"),
    [
        ({"since": 5, "limit": 3}, ReplayRequest(since_ms=5, limit=3)),
        ({"since": 5}, ReplayRequest(since_ms=5, limit=25)),
        ({"since": 5, "limit": 99}, ReplayRequest(since_ms=5, limit=25)),
        ({"since": 5, "limit": -1}, ReplayRequest(since_ms=5, limit=1)),
        ({"limit": 3}, None),
        ({"since": True}, None),
        (None, None),
    ],
)
def test_a_replay_needs_a_time_and_has_at_most_25_messages(
    wish: Any, replay: ReplayRequest | None
) -> None:
    request = parse_join("realtime:room", {"config": {"broadcast": {"replay": wish}}})

    assert request.replay == replay


def test_the_user_token_is_used_without_an_access_token() -> None:
    assert parse_join("realtime:room", {"config": {}, "user_token": "u"}).access_token == "u"
    both = {"config": {}, "user_token": "u", "access_token": "a"}
    assert parse_join("realtime:room", both).access_token == "a"


def test_equal_bindings_have_equal_ids_in_any_order_of_keys() -> None:
    one: dict[str, Json] = {"event": "*", "schema": "s"}
    other: dict[str, Json] = {"schema": "s", "event": "*"}

    assert add_binding_id(one) == add_binding_id(other)
    assert add_binding_id(one) != add_binding_id({"event": "*", "schema": "t"})


def test_a_topic_without_a_config_is_a_schema_a_table_and_a_filter() -> None:
    request = parse_join("realtime:public:items:id=eq.1:2", {})

    assert request.bindings == ({"schema": "public", "table": "items", "filter": "id=eq.1:2"},)
