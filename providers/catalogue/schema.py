"""The shapes of the catalogue file's entries. What is not known is absent, never guessed."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from providers.adapters.openai.wire_profile import WireProfile
from providers.embeddings.schema import EmbeddingWire

__all__ = [
    "AdapterKind",
    "DataPolicy",
    "DeploymentEntry",
    "Model",
    "Prices",
    "Provider",
    "Reasoning",
    "Retirement",
    "RoutingStrategy",
    "TimeoutSeconds",
]

AdapterKind: TypeAlias = Literal["anthropic", "fireworks", "gemini", "openai_compatible"]

Reasoning: TypeAlias = Literal["none", "optional", "default-on", "always"]
"""Whether a model thinks: never, when asked, unless told not to, or whatever one says."""

RoutingStrategy: TypeAlias = Literal["preferred", "weighted", "least_busy", "cheapest", "fastest"]
"""How one of several deployments of a model is chosen; see `providers.calls.load_balancing`."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Seconds = Annotated[float, Field(gt=0, le=86_400)]


class TimeoutSeconds(_Entry):
    """How long a call may take, in seconds; what is absent comes from elsewhere."""

    first_token: Seconds | None = None
    stall: Seconds | None = None
    total: Seconds | None = None


class Prices(_Entry):
    """US dollars per million tokens."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)
    source: str
    """Where the numbers come from."""
    checked_on: date | None = None
    """When somebody last looked; genai-prices has a version instead."""


class DataPolicy(_Entry):
    """What a provider promises about prompts. Absent is unknown, and unknown is not a promise."""

    regions: tuple[str, ...] | None = None
    """Everywhere that prompts are processed, as country codes or `eu`."""
    retention_days: int | None = Field(default=None, ge=0)
    """How long prompts are kept at most; 0 is not at all."""
    trains_on_data: bool | None = None
    agreements: tuple[str, ...] = ()
    """Signed between the operator and the provider, such as `hipaa`: only the operator knows."""
    offers: tuple[str, ...] = ()
    """Agreements that the provider signs on request. Until then they protect nothing."""
    source: str | None = None
    """The page that says so."""


class Provider(_Entry):
    """Somebody who serves models."""

    id: str
    name: str
    adapter: AdapterKind
    base_url: str | None = None
    """Absent: whoever runs it says where, by one of `base_url_variables`."""
    key_variables: tuple[str, ...] = ()
    """Names under which the key is looked for; the first is the one that we name."""
    key_page: str | None = None
    """Where a person gets a key."""
    key_is_optional: bool = False
    base_url_variables: tuple[str, ...] = ()
    local: bool = False
    """Runs on this machine: prompts do not leave it, and calls cost nothing."""
    ports: tuple[int, ...] = ()
    """Where a local one is looked for, on loopback."""
    owned_by: tuple[str, ...] = ()
    """What its listing says in `owned_by`, to tell apart servers that share a port."""
    any_model: bool = False
    """`<provider>/<its own model id>` is a model even without an entry."""
    assumed_capabilities: tuple[str, ...] = ()
    """Capabilities of such models, of which nothing is known."""
    genai_prices: str | None = None
    """The provider's id in genai-prices."""
    max_concurrency: int = Field(default=16, ge=1)
    """Calls at once to each deployment, from one process; fewer while that is too much for it."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """To each deployment, from all executors together."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Of prompts and answers, to each deployment, from all executors together."""
    timeouts: TimeoutSeconds = TimeoutSeconds()
    lists_without_key: bool = False
    """Its list of models is public: an answer says nothing about a key."""
    listing_decides: bool = False
    """What it lists is all that it serves: agents ask at start, and call nothing else there."""
    wire: WireProfile = WireProfile()
    embeddings: EmbeddingWire = "openai"
    """How it takes texts to embed."""
    data_policy: DataPolicy = DataPolicy()
    mask_keys: bool | None = None
    """Whether keys in prompts are masked before they leave; absent: everywhere but locally."""

    @property
    def how_to_open(self) -> str:
        """What a person does so that it can be called from here."""
        if self.local:
            return f"start {self.name}"
        if self.base_url is None and self.base_url_variables:
            return f"set {self.base_url_variables[0]} to the base URL of {self.name}"
        page = f" (get one at {self.key_page})" if self.key_page else ""
        return f"set {self.key_variables[0]} to a key of {self.name}{page}"


class DeploymentEntry(_Entry):
    """One place where a model is served."""

    provider: str
    model: str
    """The provider's own id of the model."""
    prices: Prices | None = None
    """Only where genai-prices does not know better."""
    mask_keys: bool | None = None
    """Instead of the provider's."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Its share of the calls when the model's routing is `weighted`."""
    max_concurrency: int | None = Field(default=None, ge=1)
    """This and the next two: instead of the provider's."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Retirement(_Entry):
    """Why a model is not to be asked for any more, and who to ask instead."""

    successor: str
    reason: str
    on: date | None = None
    """The vendor's date."""


class Model(_Entry):
    """What one maker trained. `id` is also the lane of its subtasks."""

    id: str
    name: str
    maker: str
    deployments: tuple[DeploymentEntry, ...] = Field(min_length=1)
    """In order of preference."""
    routing: RoutingStrategy = "preferred"
    timeouts: TimeoutSeconds = TimeoutSeconds()
    aliases: tuple[str, ...] = ()
    base: str | None = None
    """The model that this one was tuned from: what is not said here is as there, but the price."""
    context_window: int | None = Field(default=None, gt=0)
    """Tokens of prompt and answer together."""
    max_output_tokens: int | None = Field(default=None, gt=0)
    capabilities: tuple[str, ...] = ()
    """What selection may use it for; our judgement, not the vendor's."""
    reasoning: Reasoning | None = None
    tools: bool | None = None
    tools_while_reasoning: bool | None = None
    """Whether it calls tools while it reasons; false: with tools it needs the effort `none`."""
    structured_output: bool | None = None
    """Whether it follows a JSON Schema of the answer."""
    inputs: tuple[Literal["text", "image", "pdf", "audio", "video"], ...] = ("text",)
    unsupported: tuple[Literal["temperature", "top_p", "stop"], ...] = ()
    """Parameters that the model refuses; they are dropped with a note."""
    retirement: Retirement | None = None
    ending: Retirement | None = None
    """The retirement that is announced for a day which is not near."""

    @property
    def reasons_unasked(self) -> bool:
        """Whether it reasons when a request does not say whether it should, as most do not."""
        return self.reasoning in {"default-on", "always"}

    @property
    def takes_tools(self) -> bool | None:
        """Whether a request may have tools; a model that cannot stop reasoning may refuse them."""
        if self.tools_while_reasoning is False and self.reasoning == "always":
            return False
        return self.tools
