"""Facts about open models at servers of the operator, and where they come from."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from providers.catalogue.schema import Model, Reasoning
from providers.chat import ToolMode

Source: TypeAlias = Literal["probe", "table", "user"]
"""The model's server, COGO's table of open models, or the operator's `cogo.toml`."""

Facts: TypeAlias = Mapping[str, Any]
"""Known facts by the names of the fields of `OpenModel`."""

_FACTS_OF_MODELS: Final = (
    "maker", "license", "context_window", "max_output_tokens", "inputs", "reasoning",
)  # fmt: skip
OPEN_MODELS_DETAIL: Final = "open_models"
"""The detail of executors that has `dump_open_model` of each lane."""
OLLAMA: Final = "ollama"
MOST_REPORTED: Final = 100
"""Models in one row, which is written at every heartbeat."""


Tokens = Annotated[int, Field(gt=0, le=10**9)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of a model on this machine."""

    tokens_per_s: Positive
    first_token_s: Positive
    calls_tools: bool | None = None
    follows_schema: bool | None = None
    parallel: Annotated[int, Field(gt=0, le=10**6)] | None = None
    """How many answers at once are still faster than one after the other."""
    measured_at: Label
    """Time of the measurement (ISO 8601)."""


GetMeasured: TypeAlias = Callable[[str], Measured | None]
"""Returns what was measured of a lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenModel:
    """One model at one server. Unknown facts are None."""

    lane: Label
    """`<provider>/<name>`, where the name is never a path."""
    own_id: str
    """What the server wants in `model`."""
    name: Label | None = None
    maker: Label | None = None
    license: Label | None = None
    """As an SPDX identifier."""
    family: Label = "auto"
    """As `providers.tool_calls` takes it."""
    tool_mode: ToolMode | None = None
    """None: structured calls are tried, and text after the server's refusal."""
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    inputs: Annotated[tuple[Label, ...], Field(max_length=20)] | None = None
    reasoning: Reasoning | None = None
    prefix: Label = ""
    """What the chat template writes at the beginning of an answer, such as `<think>`."""
    parameters: Positive | None = None
    """Billions of parameters."""
    quantization: Label | None = None
    loaded: bool | None = None
    """Whether it was in memory when its server was asked."""
    is_remote: bool | None = None
    """Whether its server passes prompts on to another machine; see `may_pass_on`."""
    is_elsewhere: bool = False
    """Whether its server, which is the operator's, is on another machine than the executor."""
    measured: Measured | None = None
    source: Source = "probe"
    sources: Mapping[Label, Source] = field(default_factory=dict, hash=False)
    """Facts by name that have another source."""

    @property
    def is_here(self) -> bool:
        """Whether prompts are known to stay on the machine of the executor."""
        return not (self.is_elsewhere or self.is_remote or may_pass_on(self.provider, self))

    @property
    def provider(self) -> str | None:
        """The provider in its lane; a model of the catalogue has none."""
        provider, slash, _ = self.lane.partition("/")
        return provider if slash else None

    def get_source(self, fact: str) -> Source:
        """Return where a fact comes from."""
        return self.sources.get(fact, self.source)


def may_pass_on(provider: str | None, facts: OpenModel | None) -> bool:
    """Return whether it is unknown if a server passes prompts on to another machine.

    Only Ollama has models that it passes on, whose names may be any.
    """
    return provider == OLLAMA and (facts is None or facts.is_remote is None)


_MODEL: Final = TypeAdapter(OpenModel)
_NOT_IN_ROWS: Final = {"lane", "own_id"}
"""The lane is the key, and ids may be paths of a machine."""


def build_open_model(
    lane: str, own_id: str, *, user: Facts, probe: Facts, table: Facts, measured: Measured | None
) -> OpenModel:
    """Return a model with the facts of each source: the operator's first, the table's last."""
    facts: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    layers: tuple[tuple[Source, Facts], ...] = (("user", user), ("probe", probe), ("table", table))
    for source, layer in layers:
        for name, fact in layer.items():
            if name not in facts:
                facts[name], sources[name] = fact, source
    others = {name: source for name, source in sources.items() if source != "probe"}
    return OpenModel(lane=lane, own_id=own_id, measured=measured, sources=others, **facts)


def fit_model(model: Model, facts: OpenModel, *, takes_text_calls: bool) -> Model:
    """Return a model of the catalogue with the facts of one server.

    With `takes_text_calls`, tools can be offered even if the server takes none.
    """
    known: dict[str, Any] = {
        name: fact for name in _FACTS_OF_MODELS if (fact := getattr(facts, name)) is not None
    }
    if "tools" not in model.model_fields_set and facts.tool_mode is not None:
        known["tools"] = True if facts.tool_mode == "structured" or takes_text_calls else None
    return model.model_copy(update=known)


def dump_open_model(model: OpenModel) -> dict[str, Any]:
    """Return the known facts as JSON; see `load_open_models`."""
    facts: dict[str, Any] = _MODEL.dump_python(
        model, mode="json", exclude_defaults=True, exclude=_NOT_IN_ROWS
    )
    return facts


def load_open_models(stated: object) -> dict[str, OpenModel]:
    """Return the models of a row by lane, named as lanes are; what is malformed is left out."""
    found: dict[str, OpenModel] = {}
    if not isinstance(stated, Mapping):
        return found
    for lane, facts in list(stated.items())[:MOST_REPORTED]:
        # A model of the catalogue has no provider in its lane.
        name = (lane.partition("/")[2] if "/" in lane else lane) if isinstance(lane, str) else ""
        if isinstance(facts, Mapping) and name:
            with suppress(ValidationError, RecursionError):
                stated = {**facts, "lane": lane, "own_id": name}
                found[lane] = _MODEL.validate_python(stated, strict=False)
    return found
