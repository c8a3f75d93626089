"""Reports of usage as CSV (RFC 4180), with the same columns in the same order each time."""

import csv
import io
from decimal import Decimal
from typing import Final

from protocol.records import UsageReport

FIGURES: Final = (
    "tasks", "calls", "failed", "input_tokens", "cached_tokens", "cache_write_tokens",
    "output_tokens", "reasoning_tokens", "cost_usd", "unknown_costs", "first_token_ms_p50",
    "first_token_ms_p95", "duration_ms_p50", "duration_ms_p95", "simulated",
)  # fmt: skip
"""The columns after `bucket` and the keys of the report."""
_FORMULA_SIGNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def format_usage_csv(report: UsageReport) -> str:
    """Return a line for each row, below the names of the columns. What is unknown is empty."""
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(["bucket", *report.by, *FIGURES])
    for row in report.rows:
        keys = [format_csv_cell(getattr(row, key)) for key in report.by]
        figures = [_format_figure(getattr(row, name)) for name in FIGURES]
        lines.writerow([row.bucket or "", *keys, *figures])
    return written.getvalue()


def format_csv_cell(value: object) -> str:
    """Return a text that no spreadsheet takes for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _format_figure(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
