"""A choice of a model, with its reason and what it was chosen from."""

from dataclasses import dataclass
from uuid import UUID

from agents.selection.requirements import Requirements
from protocol.records import SelectionRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model that was looked at; `refused` says why it was not eligible."""

    model_id: str
    provider: str
    capabilities: tuple[str, ...]
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen and why."""

    requested: str | None
    selected: Candidate
    reason: str
    candidates: tuple[Candidate, ...]
    needs: Requirements
    policy: str = "rules"

    def record(
        self,
        *,
        key: str | None = None,
        task_id: UUID | None = None,
        subtask_id: UUID | None = None,
    ) -> SelectionRecord:
        """Give the choice as it is stored and announced."""
        eligible = [each for each in self.candidates if each.refused is None]
        return SelectionRecord(
            key=key,
            task_id=task_id,
            subtask_id=subtask_id,
            requested_model=self.requested,
            selected_model=self.selected.model_id,
            provider=self.selected.provider,
            policy=self.policy,
            requirements=self.needs.model_dump(mode="json", by_alias=True),
            candidates=[
                {"model_id": each.model_id, "provider": each.provider, "refused": each.refused}
                for each in self.candidates
            ],
            available_models=[each.model_id for each in eligible],
            model_capabilities={each.model_id: list(each.capabilities) for each in eligible},
            reason=self.reason,
        )
