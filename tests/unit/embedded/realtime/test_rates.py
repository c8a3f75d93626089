from embedded.realtime.limits import SlidingWindowLimiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_up_to_the_mean() -> None:
    rate = SlidingWindowLimiter(2, window_seconds=10, clock=Clock())

    assert all(rate.allow() for _ in range(20))
    assert not rate.allow()


def test_events_older_than_the_window_do_not_count() -> None:
    clock = Clock()
    rate = SlidingWindowLimiter(2, window_seconds=10, clock=clock)
    assert rate.allow(20)
    clock.now = 9.9
    assert not rate.allow()

    clock.now = 10

    assert rate.allow(20)


def test_without_a_limit_everything_is_allowed() -> None:
    rate = SlidingWindowLimiter(None, window_seconds=10, clock=Clock())

    assert all(rate.allow(10**9) for _ in range(3))
