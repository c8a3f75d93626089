"""The input of a choice: the request, and the request with its names resolved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from uuid import UUID

from agents.selection.evidence.checks import CheckName
from agents.selection.evidence.estimates import (
    Estimate,
    Forecaster,
    estimate_input_tokens,
)
from agents.selection.evidence.knowledge import ActiveControls
from agents.selection.model_profiles import ModelProfile, ProfileCache
from agents.selection.preferences import Preferences
from agents.selection.requirements import Requirements
from protocol.records import Grants
from protocol.records.models import PolicyName
from providers.catalogue.data_policy import join_rules
from providers.catalogue.open_models import OpenModel
from providers.errors import UnknownModel

CHECK_FAILED: Final = "check_failed"
"""The error class of an answer that failed an output check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """The input of a choice, apart from the catalogue and knowledge."""

    needs: Requirements
    requested: str | None = None
    """The model that the task names."""
    preferences: Preferences = field(default_factory=Preferences)
    policy: PolicyName = PolicyName.AUTO
    prompt_characters: int = 0
    owner: UUID | None = None
    served: Sequence[str] = ()
    """The lanes that can be executed now."""
    simulated: frozenset[str] = frozenset()
    """Those of them that only the vendor simulator serves."""
    open_models: frozenset[OpenModel] = frozenset()
    """What executors report of models at servers of the operator."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The error class of each model that failed at this subtask, in the order of the attempts."""
    budget_usd: float | None = None
    """What is left of the task's budget; None: no limit."""
    max_output_tokens: int | None = None
    """The most tokens of the answer that the task allows; None: as many as the vendor allows."""
    seconds_left: float | None = None
    """Until the task's deadline."""
    seed: str = ""
    """The seed of random policies; the same seed gives the same choice, even after a crash."""
    grants: Grants | None = None
    """The models that the owner may use; None: all."""
    check: CheckName = "form"
    """What answers go through before another model may be asked."""
    may_team: bool = False
    """Whether several models may answer in place of one."""
    preferred_role: str | None = None
    """The catalogue's role that fits the step; only the policies `rules` and `auto` use it."""
    avoided_makers: frozenset[str] = frozenset()
    """Makers whose models are used only if no other is eligible."""

    @property
    def refused_answers(self) -> tuple[str, ...]:
        """The models whose answers failed an output check, in order."""
        return tuple(id_ for id_, error in self.failed.items() if error == CHECK_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRequest:
    """A request with names resolved and lengths estimated once instead of for each model."""

    request: SelectionRequest
    input_tokens: int
    denied: frozenset[str]
    allowed: frozenset[str] | None
    """None: all."""
    data_policy: tuple[str, ...]
    """The rules of the task, and those that hold for all."""
    controls: ActiveControls
    forecaster: Forecaster

    @classmethod
    def resolve(
        cls,
        request: SelectionRequest,
        profiles: ProfileCache,
        forecaster: Forecaster,
        controls: ActiveControls,
    ) -> Self:
        """Resolve a request. A name that is not in the catalogue is kept as it is."""
        preferences = request.preferences
        allowed = preferences.allowed_models
        return cls(
            request=request,
            input_tokens=estimate_input_tokens(request.needs, request.prompt_characters),
            denied=_resolve_names(preferences.denied_models, profiles),
            allowed=_resolve_names(allowed, profiles) if allowed else None,
            data_policy=join_rules(profiles.catalogue.data_policy, preferences.data_policy),
            controls=controls,
            forecaster=forecaster,
        )

    def estimate(self, profiles: Iterable[ModelProfile]) -> list[Estimate]:
        """Return the estimate of each model, in their order."""
        return self.forecaster.estimate(profiles, self.request.needs, self.input_tokens)


def _resolve_names(names: Sequence[str], profiles: ProfileCache) -> frozenset[str]:
    ids: set[str] = set()
    for name in names:
        try:
            ids.update(profiles.resolve(name)[0])
        except UnknownModel:
            ids.add(name)
    return frozenset(ids)
