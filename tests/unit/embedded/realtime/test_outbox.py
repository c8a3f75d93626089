import pytest

from embedded.realtime.outbox import Outbox


@pytest.mark.parametrize(("most_frames", "most_bytes"), [(2, 100), (100, 2)])
def test_an_overflow_is_told_once(most_frames: int, most_bytes: int) -> None:
    overflows: list[str] = []
    outbox = Outbox(
        most_frames=most_frames,
        most_bytes=most_bytes,
        on_overflow=lambda: overflows.append("overflow"),
    )

    for _ in range(2):
        outbox.put("x")
    assert overflows == []
    for _ in range(5):
        outbox.put("x")

    assert overflows == ["overflow"]


async def test_what_was_taken_makes_room_again() -> None:
    overflows: list[str] = []
    outbox = Outbox(most_frames=1, most_bytes=1, on_overflow=lambda: overflows.append("overflow"))
    frames = outbox.frames()

    for text in "abc":
        outbox.put(text)
        assert await anext(frames) == text

    assert overflows == []
