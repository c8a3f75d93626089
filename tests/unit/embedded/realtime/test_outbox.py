import pytest

from embedded.realtime.connection import Outbox


@pytest.mark.parametrize(("max_frames", "max_bytes"), [(2, 100), (100, 2)])
def test_an_overflow_is_reported_once(max_frames: int, max_bytes: int) -> None:
    overflows: list[str] = []
    outbox = Outbox(
        max_frames=max_frames,
        max_bytes=max_bytes,
        on_overflow=lambda: overflows.append("overflow"),
    )

    for _ in range(2):
        outbox.put("x")
    assert overflows == []
    for _ in range(5):
        outbox.put("x")

    assert overflows == ["overflow"]


async def test_taken_frames_free_capacity() -> None:
    overflows: list[str] = []
    outbox = Outbox(max_frames=1, max_bytes=1, on_overflow=lambda: overflows.append("overflow"))
    frames = outbox.frames()

    for text in "abc":
        outbox.put(text)
        assert await anext(frames) == text

    assert overflows == []
