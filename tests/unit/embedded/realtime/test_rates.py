from embedded.realtime.rates import Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_what_exceeds_the_mean_does_not() -> None:
    rate = Rate(2, window_seconds=10, clock=Clock())

    assert all(rate.count() for _ in range(20))
    assert not rate.count()


def test_what_is_older_than_the_window_is_forgotten() -> None:
    clock = Clock()
    rate = Rate(2, window_seconds=10, clock=clock)
    assert rate.count(20)
    clock.now = 9.9
    assert not rate.count()

    clock.now = 10

    assert rate.count(20)


def test_without_a_limit_everything_passes() -> None:
    rate = Rate(None, window_seconds=10, clock=Clock())

    assert all(rate.count(10**9) for _ in range(3))
