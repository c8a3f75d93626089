import itertools

from embedded.realtime.presence import Presences


def some_presences() -> Presences[str]:
    numbers = itertools.count(1)
    return Presences(new_ref=lambda: f"ref-{next(numbers)}")


def test_two_sessions_with_one_key_have_two_metas_and_leave_separately() -> None:
    presences = some_presences()
    presences.track("phone", "alice", {"on": "phone"})
    presences.track("desk", "alice", {"on": "desk"})
    on_phone = {"phx_ref": "ref-1", "on": "phone"}
    on_desk = {"phx_ref": "ref-2", "on": "desk"}
    assert presences.state() == {"alice": {"metas": [on_phone, on_desk]}}

    diff = presences.untrack("phone")

    assert diff and diff.payload() == {"joins": {}, "leaves": {"alice": {"metas": [on_phone]}}}
    assert presences.state() == {"alice": {"metas": [on_desk]}}


def test_a_payload_cannot_set_the_refs() -> None:
    presences = some_presences()

    diff = presences.track("a", "key", {"phx_ref": "no", "phx_ref_prev": "no", "n": 1})

    assert diff and diff.join_rate == {"key": {"phx_ref": "ref-1", "n": 1}}


def test_an_untracked_session_cannot_leave() -> None:
    presences = some_presences()

    assert presences.untrack("nobody") is None
    assert not presences
