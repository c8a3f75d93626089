"""What a simulation plays: models as they really are, their fate, and who asks for what."""

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
"""Who serves them all: it matters to nothing here."""

Share = Annotated[float, Field(ge=0, le=1)]


class BadScenario(Exception):
    """A scenario that cannot be played; the message says what to change."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spell(_Part):
    """A time in which a model is not as it is otherwise; from and to in seconds of the play."""

    start: float = Field(ge=0)
    end: float
    fails: Share = 0.0
    """Of its calls: the vendor is overloaded."""
    quality: Share | None = None
    """Instead of its own."""
    slower: float = Field(default=1.0, gt=0)
    dearer: float = Field(default=1.0, ge=0)
    """What a call really costs, so many times the price of the catalogue."""

    @property
    def is_outage(self) -> bool:
        """Whether most calls fail."""
        return self.fails >= 0.5

    def covers(self, second: float) -> bool:
        """Whether it is now."""
        return self.start <= second < self.end


class Actor(_Part):
    """One model. Nobody in the play knows its quality; everybody knows its price."""

    quality: Share | dict[str, Share]
    """The share of tasks that it does well; by type of task, where the types differ."""
    usd: tuple[Decimal, Decimal]
    """For a million tokens of prompt and of answer."""
    first_token_s: float = Field(default=1.0, gt=0)
    total_s: float = Field(default=10.0, gt=0)
    capabilities: tuple[str, ...] = ("code-generation", "code-analysis", "general")
    spells: tuple[Spell, ...] = ()

    def spell_at(self, second: float) -> Spell:
        """What holds now; the first that covers the second."""
        return next((each for each in self.spells if each.covers(second)), ORDINARY)

    def quality_at(self, task_type: str, second: float) -> float:
        """How likely an answer is good, when there is one."""
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
        """As the strategy names it."""
        return Requirements.from_task(self.type, self.prompt, {}).task_type


class Check(_Part):
    """Which answers a check of the output accepts."""

    good: Share = 0.95
    bad: Share = 0.2


class Scenario(_Part):
    """A whole play."""

    seconds: float = Field(gt=0)
    step_s: float = Field(default=2.0, gt=0)
    """How often tasks come, and what is known is read again."""
    tasks: int = Field(default=1, ge=1)
    """That come at each step."""
    preference: Preference = Preference.BALANCED
    alike: Share = 0.5
    """How much models fail at the same tasks: 0 by chance, 1 as much as their quality allows."""
    default: str
    """The model of the documented rules; their coding model is the same."""
    check: Check | None = Check()
    """None: nobody checks an answer, so nothing can be learned of quality."""
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
        """Read a TOML file. Raises BadScenario."""
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
        """The models as a catalogue tells of them: prices and capabilities, no quality."""
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
