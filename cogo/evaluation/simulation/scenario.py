"""Scenarios: what the models are really like, when that changes, and the tasks."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.selection.preferences import Preference
from agents.selection.requirements import Name
from cogo.errors import UsageError
from cogo.evaluation.made_up_models import CAPABILITIES, MadeUpModel, build_catalogue
from providers.catalogue.catalogue import Catalogue

_PACKAGED: Final = Path(__file__).parent
NAMES: Final = ("changes", "outage")
"""The packaged scenarios."""
MAX_STEPS: Final = 100_000

MAX_TASKS: Final = 1_000_000
MAX_CHARACTERS: Final = 1_000_000
"""Of a scenario's file."""

Share = Annotated[float, Field(ge=0, le=1)]
Usd = Annotated[Decimal, Field(ge=0, le=1_000_000)]


_MOST_MISTAKES: Final = 5


class BadScenario(UsageError):
    """A scenario cannot be played; the message says what to change."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Change(_Part):
    """A period in which a model is different, in seconds of the run."""

    start: float = Field(ge=0)
    end: float
    fails: Share = 0.0
    """Share of calls that fail because the vendor is overloaded."""
    quality: Share | None = None
    """Replaces the model's own."""
    slower: float = Field(default=1.0, gt=0)
    price: float = Field(default=1.0, ge=0)
    """Factor on its prices, which the catalogue has at once."""

    @property
    def is_outage(self) -> bool:
        """Whether most calls fail."""
        return self.fails >= 0.5

    def covers(self, second: float) -> bool:
        """Return whether the period includes a second."""
        return self.start <= second < self.end

    def describe(self) -> str:
        """Return what is different."""
        parts = [
            f"{self.fails:.0%} fail" if self.fails else "",
            "" if self.quality is None else f"quality {self.quality:g}",
            f"{self.slower:g} times slower" if self.slower != 1 else "",
            f"{self.price:g} times the price" if self.price != 1 else "",
        ]
        return ", ".join(filter(None, parts)) or "as usual"


class ScriptedModel(_Part):
    """One model. Its price is known, its quality only to the script."""

    quality: Share | dict[str, Share]
    """The share of tasks with a good answer, if need be by kind of work."""
    usd: tuple[Usd, Usd]
    """Per million prompt tokens and answer tokens."""
    first_token_s: float = Field(default=1.0, gt=0)
    total_s: float = Field(default=10.0, gt=0)
    capabilities: tuple[str, ...] = CAPABILITIES
    arrives: float = Field(default=0.0, ge=0)
    """The second from which executors serve it."""
    changes: tuple[Change, ...] = ()

    def find_change(self, second: float) -> Change:
        """Return the first period that includes a second."""
        return next((each for each in self.changes if each.covers(second)), ORDINARY)

    def get_quality(self, kind: str, second: float) -> float:
        """Return the probability that an answer is good."""
        changed = self.find_change(second).quality
        if changed is not None:
            return changed
        return self.quality[kind] if isinstance(self.quality, dict) else self.quality


ORDINARY: Final = Change(start=0, end=0)


class TaskKind(_Part):
    """One kind of task."""

    type: str = "GENERATE_CODE"
    prompt: str = "Write a parser"
    kind: Name = "code-generation"
    """The kind of work, which the tasks state."""
    weight: float = Field(default=1.0, gt=0)
    input_tokens: int = Field(default=400, ge=1)
    output_tokens: int = Field(default=900, ge=1)


class ScriptedCheck(_Part):
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
    worth_usd: float = Field(default=0.25, gt=0)
    """What a good answer is worth: what regret is counted by."""
    alike: Share = 0.5
    """Correlation of failures between models: 0 by chance, 1 as much as their quality allows."""
    default: str
    """The model of the roles `default` and `coding`."""
    check: ScriptedCheck | None = ScriptedCheck()
    """None: answers are not checked, so quality cannot be learned."""
    kinds: tuple[TaskKind, ...] = (TaskKind(),)
    models: dict[str, ScriptedModel] = Field(min_length=1)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.seconds / self.step_s > MAX_STEPS:
            raise ValueError(f"more than {MAX_STEPS} steps: make step_s longer")
        if self.seconds / self.step_s * self.tasks > MAX_TASKS:
            raise ValueError(f"more than {MAX_TASKS:,} tasks: make tasks fewer or step_s longer")
        if self.default not in self.models:
            raise ValueError(f"the default {self.default!r} is none of {', '.join(self.models)}")
        if self.models[self.default].arrives:
            raise ValueError(f"the default {self.default!r} must be there from the start")
        for name, model in self.models.items():
            known = model.quality if isinstance(model.quality, dict) else None
            missing = {kind.kind for kind in self.kinds} - set(known or ())
            if known is not None and missing:
                raise ValueError(f"{name} has no quality for {', '.join(sorted(missing))}")
        return self

    @classmethod
    def read(cls, name: str) -> Self:
        """Read a packaged scenario or a TOML file. Raises BadScenario."""
        path = _PACKAGED / f"{name}.toml" if name in NAMES else Path(name)
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_CHARACTERS + 1)
            if len(text) > MAX_CHARACTERS:
                raise BadScenario(f"{path} has more than {MAX_CHARACTERS:,} characters")
            return cls.model_validate(tomllib.loads(text))
        except FileNotFoundError as error:
            known = ", ".join(NAMES)
            raise BadScenario(f"{name} is neither a file nor one of {known}") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise BadScenario(f"{path} cannot be read: {error}") from error
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(str(part) for part in each['loc']) or 'scenario'}: {each['msg']}"
                for each in error.errors()[:_MOST_MISTAKES]
            )
            raise BadScenario(f"{path}: {said}") from error

    def list_lanes(self, second: float) -> list[str]:
        """Return the models that are served, sorted."""
        return sorted(name for name, each in self.models.items() if each.arrives <= second)

    def get_prices(self, model: str, second: float) -> tuple[Decimal, Decimal]:
        """Return dollars per million prompt tokens and answer tokens."""
        given, made = self.models[model].usd
        factor = Decimal(repr(self.models[model].find_change(second).price))
        return given * factor, made * factor

    def build_catalogue(self, second: float) -> Catalogue:
        """Return a catalogue of the models: prices and capabilities, no quality."""
        made = {}
        for name, model in self.models.items():
            given, answered = self.get_prices(name, second)
            made[name] = MadeUpModel(
                input_usd=given, output_usd=answered, capabilities=model.capabilities
            )
        return build_catalogue(made, default=self.default, source="the scenario")

    def list_events(self) -> list[tuple[str, str, float, float]]:
        """Return model, what happens, start and end of all that changes, in order of time."""
        events = [
            (name, each.describe(), each.start, min(each.end, self.seconds))
            for name, model in self.models.items()
            for each in model.changes
            if each.start < self.seconds
        ]
        events += [
            (name, "is new", each.arrives, self.seconds)
            for name, each in self.models.items()
            if 0 < each.arrives < self.seconds
        ]
        return sorted(events, key=lambda each: each[2])
