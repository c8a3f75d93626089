"""The model that an AI column would use now, and what its rows would cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from agents.errors import InvalidTask, NoModel
from agents.orchestrator.cio import Cio, StepNeeds
from agents.orchestrator.embedding_models import find_embedding_model, quote_embeddings
from agents.selection.quote import Quote
from cogo.cli.columns.price import (
    ColumnEstimate,
    is_embedding,
    list_texts,
    price_answers,
    scale_quote,
)
from cogo.cli.tasks.estimate import build_cio
from cogo.config.context import Project
from cogo.errors import CommandError
from protocol.records import TaskBrief
from protocol.records.columns import ColumnSample
from protocol.store.queue import QueueStore

_UNKNOWN = Quote(low=None, expected=None, high=None)


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
        raise CommandError(error.message) from error
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
