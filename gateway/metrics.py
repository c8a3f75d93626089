"""Prometheus metrics of this process, and of models as the database observed them."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import Scope

from protocol.records import ModelStats
from protocol.records.columns import ColumnRow

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LABELS: Final = ("model", "provider", "period")
_FIGURES: Final = {
    "cogo_model_attempts": ("Attempts that ended.", "attempts"),
    "cogo_model_attempts_failed": ("Attempts that failed or went to another model.", "failed"),
    "cogo_model_error_rate": ("Share of attempts that failed.", "error_rate"),
    "cogo_model_first_token_ms_p50": ("Milliseconds to the first token.", "first_token_ms_p50"),
    "cogo_model_first_token_ms_p95": ("Milliseconds to the first token.", "first_token_ms_p95"),
    "cogo_model_duration_ms_p50": ("Milliseconds to the end.", "duration_ms_p50"),
    "cogo_model_duration_ms_p95": ("Milliseconds to the end.", "duration_ms_p95"),
    "cogo_model_input_tokens": ("Tokens read.", "input_tokens"),
    "cogo_model_output_tokens": ("Tokens written.", "output_tokens"),
    "cogo_model_cost_usd_mean": (
        "Mean US dollars of an attempt whose price is known.",
        "cost_usd_mean",
    ),
}


class GatewayMetrics:
    """Metrics of one gateway process; those of models are the same at every gateway."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "cogo_gateway_requests",
            "Requests and sockets that have ended.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "cogo_gateway_first_byte_seconds",
            "Seconds to the first byte of a response.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.watchers = Gauge(
            "cogo_gateway_watchers", "Current watchers of tasks.", registry=self._registry
        )

    def count(self, scope: Scope, *, status: int, seconds: float | None) -> None:
        """Count a request under its route's pattern; all unknown paths are one route."""
        route = str(getattr(scope.get("route"), "path", "none"))
        self._requests.labels(scope.get("method", "SOCKET"), route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)

    def render(self, stats: Sequence[ModelStats], columns: Sequence[ColumnRow] = ()) -> bytes:
        """Return all metrics in Prometheus' text format."""
        observed = CollectorRegistry()
        observed.register(_ModelCollector(stats))
        observed.register(_ColumnCollector(columns))
        return generate_latest(self._registry) + generate_latest(observed)


class _ModelCollector(Collector):
    def __init__(self, stats: Sequence[ModelStats]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, (text, field) in _FIGURES.items():
            family = GaugeMetricFamily(name, text, labels=_LABELS)
            for row in self._stats:
                value = getattr(row, field)
                if value is not None:
                    family.add_metric((row.model_id, row.provider or "", row.period), value)
            yield family


class _ColumnCollector(Collector):
    def __init__(self, columns: Sequence[ColumnRow]) -> None:
        self._columns = columns

    def collect(self) -> Iterable[GaugeMetricFamily]:
        cells = GaugeMetricFamily(
            "cogo_column_cells", "Cells of AI columns.", labels=("column", "state")
        )
        spent = GaugeMetricFamily(
            "cogo_column_spent_today_usd", "US dollars spent for it today.", labels=("column",)
        )
        paused = GaugeMetricFamily(
            "cogo_column_paused", "1 while it is paused or stands still.", labels=("column",)
        )
        for each in self._columns:
            for state, count in each.counts.items():
                cells.add_metric((each.name, state), count)
            if each.spent_today_usd is not None:
                spent.add_metric((each.name,), float(each.spent_today_usd))
            paused.add_metric((each.name,), each.is_paused or each.standing_still is not None)
        yield from (cells, spent, paused)
