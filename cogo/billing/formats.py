"""How the exports of vendors name their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

COLUMNS: Final = ("day", "model", "cost", "currency")
"""What is read of each line. Without a currency, costs are in US dollars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFormat:
    """The columns of an export."""

    name: str
    vendor: str
    """The provider's id."""
    columns: Mapping[str, str]
    """Column of the file by column of ours."""
    marks: Sequence[str] = ()
    """Further columns by which the export is recognised."""
    required: Mapping[str, str] = field(default_factory=dict)
    """Values that these columns must have."""
    advice: str = ""
    """What to export instead, if `required` is not met or no line names a model."""


FORMATS: Final = (
    # The page Cost of the console: https://support.claude.com/en/articles/9534590
    CsvFormat(
        name="Anthropic's cost report",
        vendor="anthropic",
        columns={"day": "usage_date_utc", "model": "model", "cost": "cost_usd"},
        marks=("token_type",),
    ),
    # Grouped by line item. https://platform.openai.com/usage
    CsvFormat(
        name="OpenAI's cost report",
        vendor="openai",
        columns={
            "day": "start_time_iso",
            "model": "line_item",
            "cost": "amount_value",
            "currency": "amount_currency",
        },
        advice="group the costs by line item before you export them",
    ),
    # https://docs.fireworks.ai/accounts/exporting-usage-costs
    CsvFormat(
        name="Fireworks's usage costs",
        vendor="fireworks",
        columns={
            "day": "date",
            "model": "group_by_value",
            "cost": "subtotal_usd",
            "currency": "currency",
        },
        required={"group_by_dimension": "model"},
        advice="`firectl billing export-usage-costs --group-by model` groups by model",
    ),
    CsvFormat(
        name="DeepSeek's costs",
        vendor="deepseek",
        columns={"day": "utc_date", "model": "model", "cost": "cost", "currency": "currency"},
        marks=("wallet_type",),
    ),
    CsvFormat(
        name="DeepSeek's costs",
        vendor="deepseek",
        columns={
            "day": "start_time_iso",
            "model": "model",
            "cost": "cost",
            "currency": "currency",
        },
        marks=("wallet_type",),
    ),
    # https://openrouter.ai/activity
    CsvFormat(
        name="OpenRouter's activity",
        vendor="openrouter",
        columns={"day": "date", "model": "slug", "cost": "usage"},
        marks=("byok usage",),
    ),
)

TOKEN_REPORTS: Final[Mapping[str, str]] = {
    "num_model_requests": "it is OpenAI's usage of tokens; export the costs, grouped by line item",
    "usage_output_tokens": "it is Anthropic's usage of tokens; export the page Cost of the console",
    "accelerator_seconds": "it has no costs; `firectl billing export-usage-costs` exports them",
}
"""Columns of exports that have no costs, and what to export instead."""

GENERIC: Final[Mapping[str, Sequence[str]]] = {
    "day": (
        "day", "date", "usage_date", "usage_date_utc", "utc_date", "bucket", "start_time_iso",
        "start_time", "created_at", "timestamp", "chargeperiodstart",
    ),
    "model": (
        "model", "model_name", "model_id", "model_version", "line_item", "base_model_name", "slug",
    ),
    "cost": (
        "cost_usd", "cost", "amount_usd", "amount", "total_cost", "cost_total", "subtotal_usd",
        "billedcost", "usd",
    ),
    "currency": ("currency", "amount_currency", "billingcurrency"),
}  # fmt: skip
"""Names of columns in files of no known format, the likeliest first."""
