"""What a person says about models: which are welcome, and what matters."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from protocol.records.models import PolicyName
from providers.catalogue.data_policy import read_rules


class Preference(StrEnum):
    """What matters most when several models would do."""

    QUALITY = "quality"
    BALANCED = "balanced"
    SPEED = "speed"
    COST = "cost"


class Preferences(BaseModel):
    """The `preferences` of a task. An unknown key is an error: a misspelt wish must not be lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preference: Preference = Preference.BALANCED
    policy: PolicyName | None = None
    """None: the owner's, else the deployment's."""
    allowed_models: list[str] = Field(default_factory=list)
    denied_models: list[str] = Field(default_factory=list)
    allowed_providers: list[str] = Field(default_factory=list)
    denied_providers: list[str] = Field(default_factory=list)
    data_policy: Annotated[tuple[str, ...], BeforeValidator(read_rules)] = ()
    """Rules that must all hold, see `providers.catalogue.data_policy`; none is `any`."""
