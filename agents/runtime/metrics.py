"""What an agent counts, for Prometheus. Counters may be used from any thread."""

from collections.abc import Iterator
from typing import Final, assert_never

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agents.runtime.outcome import Failed, Outcome, Stopped, Succeeded
from protocol.bus import Bus
from protocol.records import ClaimedSubtask, Usage

_FIRST_TOKEN: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
_WHOLE: Final = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900)


class Metrics:
    """The metrics of one agent, in a registry of their own. Names begin with `cogo_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._claims = Counter(
            "cogo_claims", "Claims by what came of them.", ["result"], registry=self.registry
        )
        self._claimed = Counter(
            "cogo_claimed_subtasks", "Subtasks leased to this agent.", registry=self.registry
        )
        self._attempts = Counter(
            "cogo_attempts",
            "Attempts that ended, by model, outcome and class of error.",
            ["model", "outcome", "error"],
            registry=self.registry,
        )
        self._running = Gauge("cogo_attempts_running", "In flight.", registry=self.registry)
        self._extensions = Counter(
            "cogo_lease_extensions",
            "Leases by what the database said to their extension; `unavailable`: it said nothing.",
            ["answer"],
            registry=self.registry,
        )
        self._first_token = Histogram(
            "cogo_provider_first_token_seconds",
            "From the call to its first text or reasoning.",
            ["model", "provider"],
            buckets=_FIRST_TOKEN,
            registry=self.registry,
        )
        self._whole = Histogram(
            "cogo_provider_call_seconds",
            "From the call to its end, whatever that was.",
            ["model", "provider"],
            buckets=_WHOLE,
            registry=self.registry,
        )

    def count_claim(self, count: int) -> None:
        """Count a claim that was answered."""
        self._claims.labels("found" if count else "empty").inc()
        self._claimed.inc(count)

    def count_unanswered_claim(self) -> None:
        """Count a claim that the store did not answer."""
        self._claims.labels("unavailable").inc()

    def count_start(self) -> None:
        """Count an attempt in flight."""
        self._running.inc()

    def count_end(self) -> None:
        """Count one less in flight, whatever became of it."""
        self._running.dec()

    def count_outcome(self, claimed: ClaimedSubtask, outcome: Outcome) -> None:
        """Count an outcome, and how long the provider took where one was asked."""
        came_to, error, usage = _told(outcome)
        self._attempts.labels(claimed.lane, came_to, error).inc()
        if usage is not None:
            self._took(usage)

    def count_extension(self, answer: str, leases: int = 1) -> None:
        """Count what became of leases that were to be extended."""
        self._extensions.labels(answer).inc(leases)

    def register_bus(self, bus: Bus) -> None:
        """Let the bus say of itself, at each look, how often it connected and whether it hears."""
        self.registry.register(_Realtime(bus))

    def render(self) -> bytes:
        """Give everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _took(self, usage: Usage) -> None:
        labels = (usage.model_id, usage.provider)
        self._whole.labels(*labels).observe(usage.duration_ms / 1000)
        if usage.first_token_ms is not None:
            self._first_token.labels(*labels).observe(usage.first_token_ms / 1000)


def _told(outcome: Outcome) -> tuple[str, str, Usage | None]:
    """Give the outcome, the class of its error, and what was used."""
    match outcome:
        case Succeeded(completion):
            return "completed", "", completion.usage
        case Failed(failure):
            return failure.action.value, failure.error.class_, failure.usage
        case Stopped(verdict, usage):
            return verdict.name.lower(), "", usage
        case _ as unreachable:
            assert_never(unreachable)


class _Realtime:
    """Implements prometheus_client's Collector."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def collect(self) -> Iterator[Metric]:
        """Give what holds now."""
        yield CounterMetricFamily(
            "cogo_realtime_connections",
            "Connections to Realtime; all but the first are reconnects.",
            value=self._bus.connections,
        )
        yield GaugeMetricFamily(
            "cogo_realtime_subscribed",
            "1 while every topic is heard, 0 while work is found by polling.",
            value=self._bus.is_subscribed,
        )
