"""The Prometheus metrics of an agent. They may be updated from any thread."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agents.runtime.attempt import Failed, Outcome, Stopped, Succeeded
from protocol.bus import Bus
from protocol.records import ClaimedSubtask, Usage
from protocol.records.columns import ColumnRun
from providers.tool_calls.messages import Reason

_FIRST_TOKEN_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
_CALL_OUTCOMES: Final = ("clean", "repaired", "text")
_REJECTIONS: Final = get_args(Reason)
_MAX_CALLS: Final = 10_000
_CALL_BUCKETS: Final = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900)


class AgentMetrics:
    """The metrics of one agent, in a registry of their own. Names begin with `cogo_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._claims = Counter(
            "cogo_claims", "Claims by result.", ["result"], registry=self.registry
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
            "Lease extensions by the answer of the database; `unavailable`: it did not answer.",
            ["answer"],
            registry=self.registry,
        )
        self._first_token = Histogram(
            "cogo_provider_first_token_seconds",
            "From the call to its first text or reasoning.",
            ["model", "provider"],
            buckets=_FIRST_TOKEN_BUCKETS,
            registry=self.registry,
        )
        self._call = Histogram(
            "cogo_provider_call_seconds",
            "From the call to its end, however it ended.",
            ["model", "provider"],
            buckets=_CALL_BUCKETS,
            registry=self.registry,
        )
        self._calls = Counter(
            "cogo_model_tool_calls", "Calls of tools, by what became of them.",
            ["model", "outcome"], registry=self.registry,
        )  # fmt: skip
        self._columns = Counter(
            "cogo_column_rows",
            "Rows of AI columns: edits collected, answers applied, cells asked for.",
            ["step"],
            registry=self.registry,
        )
        self._columns_still = Gauge(
            "cogo_columns_standing_still",
            "1 while AI columns stand still, because the database is a copy.",
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
        """Count one more attempt in flight."""
        self._running.inc()

    def count_end(self) -> None:
        """Count one attempt fewer in flight."""
        self._running.dec()

    def count_outcome(self, claimed: ClaimedSubtask, outcome: Outcome) -> None:
        """Count an outcome, and observe the provider's times if it was called."""
        name, error, usage = _describe_outcome(outcome)
        self._attempts.labels(claimed.lane, name, error).inc()
        if usage is not None:
            self._observe(usage)

    def count_extension(self, answer: str, leases: int = 1) -> None:
        """Count the answers to extensions."""
        self._extensions.labels(answer).inc(leases)

    def count_columns(self, ran: ColumnRun) -> None:
        """Count what a call for all AI columns did."""
        self._columns.labels("collected").inc(ran.collected)
        self._columns.labels("applied").inc(ran.applied)
        self._columns.labels("asked").inc(ran.asked)
        self._columns_still.set(ran.standing_still is not None)

    def register_bus(self, bus: Bus) -> None:
        """Report the state of the bus at each scrape."""
        self.registry.register(_BusCollector(bus))

    def render(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _observe(self, usage: Usage) -> None:
        labels = (usage.model_id, usage.provider)
        self._call.labels(*labels).observe(usage.duration_ms / 1000)
        if usage.first_token_ms is not None:
            self._first_token.labels(*labels).observe(usage.first_token_ms / 1000)
        for outcome, count in read_call_counts(usage.derived).items():
            self._calls.labels(usage.model_id, outcome).inc(count)


def read_call_counts(derived: Mapping[str, Any]) -> dict[str, int]:
    """Return what became of the calls of tools in an attempt, by outcome; impossible counts are 0.

    Those that were rejected are counted by their reason.
    """
    counts = derived.get("calls")
    if not isinstance(counts, Mapping):
        return {}
    stated = counts.get("rejected")
    rejected = stated if isinstance(stated, Mapping) else {}
    found = {name: _read_count(counts.get(name)) for name in _CALL_OUTCOMES}
    found |= {reason: _read_count(rejected.get(reason)) for reason in _REJECTIONS}
    return {name: count for name, count in found.items() if count}


def _read_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value <= _MAX_CALLS else 0


def _describe_outcome(outcome: Outcome) -> tuple[str, str, Usage | None]:
    """Return the name of an outcome, the class of its error, and the usage."""
    match outcome:
        case Succeeded(completion):
            return "completed", "", completion.usage
        case Failed(failure):
            return failure.action.value, failure.error.class_, failure.usage
        case Stopped(reason, usage):
            return reason.name.lower(), "", usage
        case _ as unreachable:
            assert_never(unreachable)


class _BusCollector:
    """A `Collector` of prometheus_client."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def collect(self) -> Iterator[Metric]:
        """Yield the current values."""
        yield CounterMetricFamily(
            "cogo_realtime_connections",
            "Connections to Realtime; all but the first are reconnects.",
            value=self._bus.connections,
        )
        yield GaugeMetricFamily(
            "cogo_realtime_subscribed",
            "1 while subscribed to every topic, 0 while work is found by polling.",
            value=self._bus.is_subscribed,
        )
