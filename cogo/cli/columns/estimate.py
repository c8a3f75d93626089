"""The model that an AI column would use now, and what its rows will cost."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio, StepNeeds
from agents.orchestrator.embedding_models import find_embedding_model, quote_embeddings
from agents.selection.choice import Choice
from agents.selection.model_profiles import ModelProfile
from agents.selection.quote import Quote, build_quote
from cogo.cli.tasks.estimate import build_cio
from cogo.config.context import Project
from cogo.errors import UsageError
from protocol.records import TaskBrief
from protocol.records.columns import ColumnSample, estimate_cells
from protocol.store.queue import QueueStore

_EMBED: Final = "EMBED"
_SCALAR_TOKENS: Final = 12
"""Of `{"value": ...}` with a number, a boolean or a choice."""
_SHORT_TOKENS: Final = 24
"""With a date, a uuid or another short text."""
_LIST_TOKENS: Final = 80
_OBJECT_TOKENS: Final = 250
_TEXT_TOKENS: Final = 120
_REASONING_TOKENS: Final[Mapping[str, int]] = {
    "none": 0, "minimal": 60, "low": 150, "medium": 400, "high": 1_000, "xhigh": 2_000,
    "max": 4_000,
}  # fmt: skip
"""Guesses of what is billed before a short answer, by effort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEstimate:
    """What some rows cost: each on average, and all together."""

    rows: int
    per_row: Quote
    basis: str
    """What it is computed from, for a person."""

    @property
    def total(self) -> Quote:
        """The cost of all rows."""
        return scale_quote(self.per_row, self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return {
            "rows": self.rows,
            "usd_per_row": self.per_row.to_json(),
            "usd": self.total.to_json(),
            "basis": self.basis,
        }


def estimate_answer_tokens(params: Mapping[str, Any]) -> int:
    """Return the usual tokens of an answer, by the schema that it must follow."""
    schema = params.get("response_schema")
    if not isinstance(schema, dict):
        return _TEXT_TOKENS
    value = (schema.get("properties") or {}).get("value")
    if not isinstance(value, dict):
        return _OBJECT_TOKENS
    if "enum" in value or "const" in value:
        return _SCALAR_TOKENS
    match value.get("type"):
        case "boolean" | "number" | "integer":
            return _SCALAR_TOKENS
        case "string":
            return _SHORT_TOKENS if "format" in value else _TEXT_TOKENS
        case "array":
            return _LIST_TOKENS
        case _:
            return _OBJECT_TOKENS


def estimate_reasoning_tokens(params: Mapping[str, Any], profile: ModelProfile) -> int:
    """Return the usual tokens of hidden reasoning, which are billed as those of an answer."""
    unasked = "medium" if profile.reasons_by_default else "none"
    return _REASONING_TOKENS.get(str(params.get("reasoning_effort") or unasked), 0)


def price_answers(choice: Choice, samples: Sequence[ColumnSample]) -> Quote:
    """Return the average cost of a row whose answer a model writes."""
    quotes = []
    for sample in samples:
        tokens = estimate_answer_tokens(sample.params)
        tokens += estimate_reasoning_tokens(sample.params, choice.selected.profile)
        needs = choice.request.needs.model_copy(update={"output_tokens": tokens})
        system = sample.params.get("system")
        characters = len(sample.prompt) + (len(system) if isinstance(system, str) else 0)
        request = replace(choice.request, needs=needs, prompt_characters=characters)
        given = replace(choice.given, request=request)
        quotes.append(build_quote(replace(choice, given=given)))
    return _average(quotes)


def price_measured(costs: Sequence[Decimal | None]) -> Quote:
    """Return the average of costs that were paid, and the bounds within which the mean lies."""
    found = estimate_cells(1, costs)
    return Quote(low=found.low, expected=found.expected, high=found.high)


def scale_quote(quote: Quote, factor: float) -> Quote:
    """Return a multiple of a quote."""
    return Quote(
        low=None if quote.low is None else quote.low * factor,
        expected=None if quote.expected is None else quote.expected * factor,
        high=None if quote.high is None else quote.high * factor,
    )


def list_texts(sample: ColumnSample) -> list[str]:
    """Return the texts that are to be embedded."""
    listed = sample.params.get("input")
    texts = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
    return texts or [sample.prompt]


def is_embedding(sample: ColumnSample) -> bool:
    """Return whether the value is the vector of a text."""
    return sample.type == _EMBED


def count_days(usd: float | None, per_day: Decimal | None) -> int | None:
    """Return the days after which a cap lets all be spent; None if it is unknown."""
    if usd is None or per_day is None or not per_day.is_finite() or per_day <= 0:
        return None
    return max(1, math.ceil(usd / float(per_day)))


def format_usd(usd: float | Decimal | None) -> str:
    """Return dollars with as many digits as matter."""
    if usd is None:
        return "unknown"
    digits = 2 if usd >= 1 or usd == 0 else 4 if usd >= 0.01 else 6
    whole, _, part = f"{usd:,.{digits}f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def _average(quotes: Sequence[Quote]) -> Quote:
    def mean(values: list[float | None]) -> float | None:
        known = [each for each in values if each is not None]
        return statistics.fmean(known) if known and len(known) == len(values) else None

    return Quote(
        low=mean([each.low for each in quotes]),
        expected=mean([each.expected for each in quotes]),
        high=mean([each.high for each in quotes]),
    )


_UNKNOWN: Final = Quote(low=None, expected=None, high=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPlan:
    """The model, and the estimate for some rows."""

    model: str | None
    """None: none can be chosen now."""
    reason: str
    is_simulated: bool
    estimate: ColumnEstimate

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "model": self.model,
            "reason": self.reason,
            "simulated": self.is_simulated,
            "estimate": self.estimate.to_json(),
        }


async def plan_rows(
    project: Project, store: QueueStore, samples: Sequence[ColumnSample], *, rows: int
) -> ColumnPlan:
    """Choose a model as for a task of these samples, and price `rows` rows like them.

    Raises CommandError if the column cannot be asked for with these settings.
    """
    basis = f"the prompts of {len(samples)} rows"
    if not samples:
        estimate = ColumnEstimate(rows=rows, per_row=_UNKNOWN, basis="no row to look at")
        return ColumnPlan(model=None, reason="no row", is_simulated=False, estimate=estimate)
    cio = await build_cio(project, store)
    try:
        if is_embedding(samples[0]):
            return _plan_embeddings(cio, samples, rows, basis)
        return _plan_answers(cio, samples, rows, basis)
    except InvalidTask as error:
        raise UsageError(error.message) from error
    except NoModel as error:
        estimate = ColumnEstimate(rows=rows, per_row=_UNKNOWN, basis=basis)
        return ColumnPlan(model=None, reason=error.message, is_simulated=False, estimate=estimate)


def _plan_answers(cio: Cio, samples: Sequence[ColumnSample], rows: int, basis: str) -> ColumnPlan:
    first = samples[0]
    brief = TaskBrief(
        id=uuid4(),
        type=first.type,
        prompt=first.prompt,
        params=first.params,
        model=first.model,
        preferences=first.preferences,
        budget_usd=first.budget_usd,
    )
    needs = StepNeeds(
        seed=f"{brief.id}:main",
        prompt_characters=len(first.prompt),
        may_team=True,
        structured_output="response_schema" in first.params,
    )
    choice = cio.choose_for_task(brief, needs)
    per_row = price_answers(choice, samples)
    if hidden := estimate_reasoning_tokens(first.params, choice.selected.profile):
        basis += f", and a guess of {hidden} tokens of hidden reasoning each"
    return ColumnPlan(
        model=choice.selected.model_id,
        reason=choice.reason,
        is_simulated=choice.selected.profile.is_simulated,
        estimate=ColumnEstimate(rows=rows, per_row=per_row, basis=basis),
    )


def _plan_embeddings(
    cio: Cio, samples: Sequence[ColumnSample], rows: int, basis: str
) -> ColumnPlan:
    served = cio.registry.embeddings
    entry = find_embedding_model(samples[0].model, cio.catalogue, list(served))
    is_simulated = served.get(entry.id, False)
    texts = [text for each in samples for text in list_texts(each)]
    quote = quote_embeddings(entry, texts, cio.catalogue, is_simulated=is_simulated)
    per_row = scale_quote(quote, 1 / len(texts))
    return ColumnPlan(
        model=entry.id,
        reason="the column's model",
        is_simulated=is_simulated,
        estimate=ColumnEstimate(rows=rows, per_row=per_row, basis=basis),
    )
