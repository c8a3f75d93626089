"""Scenarios: the true properties of models, their outages, and the tasks."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.selection.preferences import Preference
from agents.selection.requirements import Requirements
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.loader import load_entries
from providers.catalogue.schema import DeploymentEntry, Model, Prices

DEFAULT: Final = Path(__file__).with_name("outage.toml")
_PROVIDER: Final = "fireworks"
"""The provider of all models, which is irrelevant here."""

Share = Annotated[float, Field(ge=0, le=1)]


class BadScenario(Exception):
    """Raised for an invalid scenario; the message says what to change."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spell(_Part):
    """A period in which a model behaves differently; from and to in seconds of the run."""

    start: float = Field(ge=0)
    end: float
    fails: Share = 0.0
    """Share of calls that fail because the vendor is overloaded."""
    quality: Share | None = None
    """Replaces the model's own."""
    slower: float = Field(default=1.0, gt=0)
    dearer: float = Field(default=1.0, ge=0)
    """The actual cost of a call as a multiple of the catalogue price."""

    @property
    def is_outage(self) -> bool:
        """Whether most calls fail."""
        return self.fails >= 0.5

    def covers(self, second: float) -> bool:
        """Whether the period includes a second."""
        return self.start <= second < self.end


class Actor(_Part):
    """One model. Its price is known, its quality only to the script."""

    quality: Share | dict[str, Share]
    """The share of tasks with a good answer, optionally by task type."""
    usd: tuple[Decimal, Decimal]
    """Per million prompt tokens and answer tokens."""
    first_token_s: float = Field(default=1.0, gt=0)
    total_s: float = Field(default=10.0, gt=0)
    capabilities: tuple[str, ...] = ("code-generation", "code-analysis", "general")
    spells: tuple[Spell, ...] = ()

    def spell_at(self, second: float) -> Spell:
        """Return the first period that includes a second."""
        return next((each for each in self.spells if each.covers(second)), ORDINARY)

    def quality_at(self, task_type: str, second: float) -> float:
        """Return the probability that an answer is good."""
        changed = self.spell_at(second).quality
        if changed is not None:
            return changed
        return self.quality[task_type] if isinstance(self.quality, dict) else self.quality


ORDINARY: Final = Spell(start=0, end=0)


class Kind(_Part):
    """One kind of task."""

    type: str = "GENERATE_CODE"
    prompt: str = "Write a parser"
    weight: float = Field(default=1.0, gt=0)
    input_tokens: int = Field(default=400, ge=1)
    output_tokens: int = Field(default=900, ge=1)

    @cached_property
    def task_type(self) -> str:
        """Return the task type as selection names it."""
        return Requirements.from_task(self.type, self.prompt, {}).task_type


class Check(_Part):
    """Which answers a check of the output accepts."""

    good: Share = 0.95
    bad: Share = 0.2


class Scenario(_Part):
    """A scenario."""

    seconds: float = Field(gt=0)
    step_s: float = Field(default=2.0, gt=0)
    """Seconds between arrivals of tasks, and between reads of the knowledge."""
    tasks: int = Field(default=1, ge=1)
    """Tasks per step."""
    preference: Preference = Preference.BALANCED
    alike: Share = 0.5
    """Correlation of failures between models: 0 by chance, 1 as much as their quality allows."""
    default: str
    """The model of the rules, for coding as well."""
    check: Check | None = Check()
    """None: answers are not checked, so quality cannot be learned."""
    kinds: tuple[Kind, ...] = (Kind(),)
    models: dict[str, Actor] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.default not in self.models:
            raise ValueError(f"the default {self.default!r} is none of {', '.join(self.models)}")
        for name, actor in self.models.items():
            known = actor.quality if isinstance(actor.quality, dict) else None
            missing = {kind.task_type for kind in self.kinds} - set(known or ())
            if known is not None and missing:
                raise ValueError(f"{name} has no quality for {', '.join(sorted(missing))}")
        return self

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a TOML file. Raise `BadScenario` if it is invalid."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadScenario(f"{path}: {error}") from error
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(str(part) for part in each['loc']) or 'scenario'}: {each['msg']}"
                for each in error.errors()
            )
            raise BadScenario(f"{path}: {said}") from error

    def catalogue(self) -> Catalogue:
        """Return a catalogue of the models: prices and capabilities, no quality."""
        entries, origins = load_entries()
        models: Mapping[str, Model] = {
            name: Model(
                id=name,
                name=name,
                maker="the script",
                deployments=(
                    DeploymentEntry(
                        provider=_PROVIDER,
                        model=name,
                        prices=Prices(input=actor.usd[0], output=actor.usd[1], source="the script"),
                    ),
                ),
                capabilities=actor.capabilities,
                context_window=200_000,
            )
            for name, actor in self.models.items()
        }
        roles = {"default": self.default, "coding": self.default}
        return Catalogue(
            entries.model_copy(update={"models": models, "roles": roles, "embeddings": {}}), origins
        )
