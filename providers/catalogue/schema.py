"""Schema of the catalogue file's entries. Unknown facts are absent, never guessed."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from providers.chat import Effort

AdapterKind: TypeAlias = Literal["anthropic", "fireworks", "gemini", "ollama", "openai_compatible"]

EmbeddingWire: TypeAlias = Literal["openai", "cohere", "fireworks", "gemini", "ollama"]

RerankWire: TypeAlias = Literal["cohere", "fireworks", "jina", "tei"]

Reasoning: TypeAlias = Literal["none", "optional", "default-on", "always"]
"""When a model reasons: never, on request, unless switched off, or always."""

RoutingStrategy: TypeAlias = Literal["preferred", "weighted", "least_busy", "cheapest", "fastest"]
"""How the deployments of a model are ordered; see `providers.calls.load_balancing`."""

DEFAULT_OUTPUT_TOKENS: Final[Mapping[AdapterKind, int]] = {"anthropic": 16_384, "fireworks": 8_192}
"""The output limit that adapters send if a request has none. Anthropic requires a number; the
default of Fireworks, 2048, would silently truncate programs. Spend caps use it for reservations."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Seconds = Annotated[float, Field(gt=0, le=86_400)]


class TimeoutSeconds(_Entry):
    """Timeouts of a call, in seconds; see `providers.calls.timeouts` for the absent ones."""

    first_token: Seconds | None = None
    stall: Seconds | None = None
    total: Seconds | None = None


class Prices(_Entry):
    """US dollars per million tokens."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)
    per_search: Decimal | None = Field(default=None, ge=0)
    """US dollars per search unit, of models that rank documents."""
    source: str
    """Source of the numbers."""
    checked_on: date | None = None
    """When they were last checked; genai-prices has a version instead."""


class DataPolicy(_Entry):
    """A provider's promises about prompts. An absent one is unknown, which is not a promise."""

    regions: tuple[str, ...] | None = None
    """All regions in which prompts are processed, as country codes or `eu`."""
    retention_days: int | None = Field(default=None, ge=0)
    """Maximum time that prompts are stored; 0 means not at all."""
    trains_on_data: bool | None = None
    agreements: tuple[str, ...] = ()
    """Agreements between operator and provider, such as `hipaa`; only the operator can set them."""
    offers: tuple[str, ...] = ()
    """Agreements that the provider signs on request; they have no effect until then."""
    source: str | None = None
    """Web page with the promises."""


class RequestDialect(_Entry):
    """How the requests of one OpenAI-compatible provider differ from OpenAI's.

    The stream parser handles differences in answers without settings.
    """

    api: Literal["chat_completions", "responses"] = "chat_completions"
    """`responses`: OpenAI's newer API, for models that reason, whose tools it does not refuse, and
    for the web search. Models that never reason still get chat completions."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    asks_for_usage: bool = True
    """Send `stream_options.include_usage`; false if usage comes anyway, or the field is refused."""
    effort_field: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    """`reasoning` sends `{"reasoning": {"effort": ...}}` (OpenRouter)."""
    reasoning_body: Mapping[str, Any] = Field(default_factory=dict)
    """Sent together with an effort, so that the answer includes the reasoning."""
    no_reasoning_body: Mapping[str, Any] | None = None
    """Sent instead of the effort `none` (DeepSeek switches reasoning off by another field)."""
    efforts: tuple[Effort, ...] | None = None
    """The accepted efforts; others are replaced by the nearest one, with a note."""
    schemas: Literal["json_schema", "json_object"] = "json_schema"
    """`json_object`: the vendor only guarantees JSON, so the schema goes into the instructions."""
    constrains_only: bool = False
    """Whether a schema only constrains the answer, so that the model is told it as well."""
    strict_schemas: bool = False
    """Whether `strict` makes the vendor enforce schemas of OpenAI's strict subset."""
    takes_tool_choice: bool = True
    """Whether a tool can be required by its name; otherwise only that one is offered."""
    thinking_tags: bool = False
    """Whether the text may begin with reasoning up to `</think>`, with or without `<think>`."""
    text_calls: bool = False
    """Whether its models may write calls as text, so that answers are searched for them, all calls
    are checked, and tools are taught to models that take none. Reasoning may be tagged as well."""
    call_id_length: int | None = None
    """Required length of tool call ids, which must be alphanumeric (Mistral)."""
    replay_field: str | None = None
    """Field of an assistant's message that returns its reasoning in a tool loop."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Sent with every request; not for secrets."""
    key_header: str | None = None
    """Header for the key instead of `Authorization` (Portkey)."""


class Provider(_Entry):
    """A company or a server that serves models."""

    id: str
    name: str
    adapter: AdapterKind
    base_url: str | None = None
    """Absent if the operator sets it by one of `base_url_variables`."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that may hold the key; messages name the first."""
    key_page: str | None = None
    """Web page for getting a key."""
    key_is_optional: bool = False
    base_url_variables: tuple[str, ...] = ()
    local: bool = False
    """Runs on this machine: prompts do not leave it, and calls cost nothing."""
    ports: tuple[int, ...] = ()
    """Loopback ports that are probed for a local server."""
    owned_by: tuple[str, ...] = ()
    """Values of `owned_by` in its listing, to distinguish servers that share a port."""
    any_model: bool = False
    """Whether `<provider>/<its own model id>` is a model even without an entry."""
    assumed_capabilities: tuple[str, ...] = ()
    """Assumed capabilities of models without an entry."""
    genai_prices: str | None = None
    """The provider's id in genai-prices."""
    max_concurrency: int = Field(default=16, ge=1)
    """Maximum concurrent calls to each deployment from one process, fewer after throttling."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    """Maximum requests to each deployment from all executors together."""
    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Maximum tokens of prompts and answers of each deployment, from all executors together."""
    timeouts: TimeoutSeconds = TimeoutSeconds()
    web_search: Literal["tool", "always"] | None = None
    """`tool`: it has a web search that a request can switch on. `always`: its models search for
    every answer."""
    usd_per_search: Decimal | None = Field(default=None, ge=0)
    """Price of one web search, beside its tokens."""
    lists_without_key: bool = False
    """Whether its list of models is public, so that it cannot be used to test a key."""
    listing_decides: bool = False
    """Whether it serves exactly what it lists; agents read the list when they start."""
    wire: RequestDialect = RequestDialect()
    embeddings: EmbeddingWire = "openai"
    """Wire format of its embeddings."""
    rerank: RerankWire | None = None
    """Wire format of its rankings of documents; absent: it ranks none."""
    rerank_only: bool = False
    """Whether all its models rank documents, and none writes text."""
    data_policy: DataPolicy = DataPolicy()
    mask_keys: bool | None = None
    """Whether keys in prompts are masked; by default, except for local providers."""

    @property
    def is_self_hosted(self) -> bool:
        """Whether it is a server of the operator, who started it with weights of their choice."""
        return self.key_is_optional

    @property
    def how_to_open(self) -> str:
        """Instruction for making this provider callable."""
        if self.local:
            return f"start {self.name}"
        if self.base_url is None and self.base_url_variables:
            return f"set {self.base_url_variables[0]} to the base URL of {self.name}"
        page = f" (get one at {self.key_page})" if self.key_page else ""
        return f"set {self.key_variables[0]} to a key of {self.name}{page}"


class DeploymentEntry(_Entry):
    """A provider that serves a model."""

    provider: str
    model: str
    """The provider's own id of the model."""
    prices: Prices | None = None
    """Only if genai-prices has none."""
    mask_keys: bool | None = None
    """Overrides the provider's."""
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Share of the calls if the model's routing is `weighted`."""
    max_concurrency: int | None = Field(default=None, ge=1)
    """Overrides the provider's, like the next two."""
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)


class Retirement(_Entry):
    """Why a model should no longer be called, and its successor."""

    successor: str
    reason: str
    on: date | None = None
    """The vendor's date."""


class Model(_Entry):
    """A model of one maker. `id` is also the lane of its subtasks."""

    id: str
    name: str
    maker: str
    deployments: tuple[DeploymentEntry, ...] = Field(min_length=1)
    """In order of preference."""
    routing: RoutingStrategy = "preferred"
    timeouts: TimeoutSeconds = TimeoutSeconds()
    aliases: tuple[str, ...] = ()
    license: str | None = None
    """License of the weights, if they are open, as an SPDX identifier."""
    base: str | None = None
    """The model that this one was fine-tuned from; its facts, except the price, are inherited."""
    context_window: int | None = Field(default=None, gt=0)
    """Tokens of prompt and answer together."""
    max_output_tokens: int | None = Field(default=None, gt=0)
    capabilities: tuple[str, ...] = ()
    """What selection may use it for; COGO's assessment, not the vendor's."""
    reasoning: Reasoning | None = None
    tools: bool | None = None
    tools_while_reasoning: bool | None = None
    """Whether it calls tools while it reasons; if false, tools need the effort `none`."""
    forced_tools: bool | None = None
    """Whether a request can force it to call a tool; if false, it decides by itself."""
    structured_output: bool | None = None
    """Whether it follows a JSON Schema of the answer."""
    inputs: tuple[Literal["text", "image", "pdf", "audio", "video"], ...] = ("text",)
    unsupported: tuple[Literal["temperature", "top_p", "stop"], ...] = ()
    """Parameters that the model refuses; they are dropped with a note."""
    retirement: Retirement | None = None
    ending: Retirement | None = None
    """A retirement that is announced for a later date."""

    @property
    def reasons_unasked(self) -> bool:
        """Whether it reasons if the request has no effort."""
        return self.reasoning in {"default-on", "always"}

    @property
    def takes_tools(self) -> bool | None:
        """Whether requests may have tools; models that always reason may refuse them."""
        if self.tools_while_reasoning is False and self.reasoning == "always":
            return False
        return self.tools

    def takes(self, kind: Literal["image", "pdf"]) -> bool | None:
        """Return whether it reads such files; None if the entry does not say."""
        if kind in self.inputs:
            return True
        return False if "inputs" in self.model_fields_set else None


class EmbeddingModel(_Entry):
    """A model that turns texts into vectors."""

    id: str
    name: str
    maker: str
    provider: str
    model: str
    """The provider's own id."""
    aliases: tuple[str, ...] = ()
    dimensions: int | None = Field(default=None, gt=0)
    """Default dimensions of a vector; absent if they depend on the server."""
    shortens: bool = False
    """Whether fewer dimensions may be requested."""
    takes_tokens: bool = False
    """Whether texts may be lists of tokens."""
    max_input_tokens: int | None = Field(default=None, gt=0)
    """Maximum tokens of one text."""
    usd_per_million: Decimal | None = Field(default=None, ge=0)
    price_source: str | None = None


class RerankModel(_Entry):
    """A model that ranks documents by how well they answer a query."""

    id: str
    name: str
    maker: str
    provider: str
    model: str
    """The provider's own id."""
    aliases: tuple[str, ...] = ()
    max_input_tokens: int | None = Field(default=None, gt=0)
    """Maximum tokens of the query and one document."""
    usd_per_search: Decimal | None = Field(default=None, ge=0)
    """Price of one search unit: a query with up to 100 documents."""
    usd_per_million: Decimal | None = Field(default=None, ge=0)
    """Price of a million tokens, where tokens are paid instead."""
    price_source: str | None = None
