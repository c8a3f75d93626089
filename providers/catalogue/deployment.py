"""Deployments (a model at a provider that can be called from here) and their credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, Self, TypeAlias

from pydantic import SecretStr

from providers.catalogue.addresses import find_other_host
from providers.catalogue.open_models import OpenModel, fit_model
from providers.catalogue.schema import (
    DEFAULT_OUTPUT_TOKENS,
    AdapterKind,
    DeploymentEntry,
    EmbeddingModel,
    Model,
    Prices,
    Provider,
    RerankModel,
)
from providers.chat import ChatRequest, NamedTool, TextCalls
from providers.errors import NotSupported
from providers.schemas import move_schema_to_prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Keys and base URL of one provider."""

    key: SecretStr | None = None
    spare_keys: tuple[SecretStr, ...] = ()
    """More keys of the same provider: calls are spread over all, and a refused one is set aside."""
    base_url: str | None = None
    """Overrides the catalogue's."""
    more_urls: tuple[str, ...] = ()
    """Base URLs of more servers of the same provider, each with models of its own."""
    simulated: bool = False
    """Whether the base URL is the vendor simulator's."""

    def __post_init__(self) -> None:
        """Strip white space around keys; a key of white space alone is dropped."""
        given = (self.key, *self.spare_keys)
        texts = [each.get_secret_value().strip() for each in given if each is not None]
        keys = [SecretStr(text) for text in texts if text]
        object.__setattr__(self, "key", keys[0] if keys else None)
        object.__setattr__(self, "spare_keys", tuple(keys[1:]))

    @property
    def keys(self) -> tuple[SecretStr, ...]:
        """All keys."""
        return self.spare_keys if self.key is None else (self.key, *self.spare_keys)


Credentials: TypeAlias = Mapping[str, Credential]
"""Provider id to its credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One model at one provider."""

    model: Model
    entry: DeploymentEntry
    host: Provider
    base_url: str
    simulated: bool = False
    probed: OpenModel | None = None
    """Facts about an open model, if its server was asked."""

    @property
    def id(self) -> str:
        """Name in logs, rows and metrics, such as `anthropic:claude-sonnet-5-5`.

        Names at the simulator, which has its own limits and failures, begin with `simulated:`.
        """
        name = f"{self.host.id}:{self.entry.model}"
        return f"simulated:{name}" if self.simulated else name

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self.host.id

    @property
    def provider_model(self) -> str:
        """The provider's own name of the model, which is no path; see `own_id`."""
        return self.entry.model

    @property
    def own_id(self) -> str:
        """Return the provider's own id of the model, as requests have it."""
        return self.entry.model if self.probed is None else self.probed.own_id

    @property
    def made_by(self) -> str:
        """Credit for the answer: "DeepSeek AI (via Fireworks)", or the maker alone."""
        if self.host.name == self.model.maker:
            return self.model.maker
        return f"{self.model.maker} (via {self.host.name})"

    @property
    def masks_keys(self) -> bool:
        """Whether keys in prompts are masked before they are sent there."""
        for stated in (self.entry.mask_keys, self.host.mask_keys):
            if stated is not None:
                return stated
        return not self.host.local or find_other_host(self.base_url) is not None

    def with_probed(self, facts: OpenModel) -> Self:
        """Return the deployment with what is known of its model at this server.

        A server that passes prompts on to another machine is not local.
        """
        host = self.host
        if facts.is_remote and host.local:
            host = host.model_copy(update={"local": False})
        return replace(
            self,
            model=fit_model(self.model, facts, takes_text_calls=host.wire.text_calls),
            host=host,
            probed=facts,
        )

    def fit_request(self, request: ChatRequest) -> tuple[ChatRequest, tuple[str, ...]]:
        """Return the request as this model accepts it, and notes about the changes."""
        notes: list[str] = []
        self._refuse_unsupported(request)
        request = replace(
            request,
            model=self.own_id,
            may_reason=self.model.reasoning != "none",
            always_reasons=self.model.reasoning == "always",
            text_calls=self._get_text_calls(request.text_calls),
        )
        request = self._fit_tools(request, notes)
        if request.reasoning_effort is not None and (why := self._refuses_effort(request)):
            request = replace(request, reasoning_effort=None)
            notes.append(f"reasoning_effort was not sent: {why}")
        if request.tools and self._reasons_without_tools and request.reasoning_effort != "none":
            # Without an effort the vendor uses its default and refuses the tools.
            asked = request.reasoning_effort
            request = replace(request, reasoning_effort="none")
            notes.append(
                "the model did not reason, because it does not accept tools while reasoning"
                + (f" (reasoning_effort {asked} was requested)" if asked else "")
            )
        limit = self.model.max_output_tokens
        if request.max_output_tokens is None:
            # Otherwise the adapter may send a default above the model's limit.
            if limit is not None and DEFAULT_OUTPUT_TOKENS.get(self.host.adapter, 0) > limit:
                request = replace(request, max_output_tokens=limit)
        elif limit is not None and request.max_output_tokens > limit:
            request = replace(request, max_output_tokens=limit)
            notes.append(f"max_output_tokens was lowered to the model's {limit}")
        for name in self.model.unsupported:
            match name:
                case "temperature" if request.temperature is not None:
                    request = replace(request, temperature=None)
                case "top_p" if request.top_p is not None:
                    request = replace(request, top_p=None)
                case "stop" if request.stop:
                    request = replace(request, stop=())
                case _:
                    continue
            notes.append(f"{name} was not sent: the model does not accept it")
        return request, tuple(notes)

    def _get_text_calls(self, asked: TextCalls | None) -> TextCalls | None:
        """Return how calls in the text are read; models that take no tools are taught them.

        The mode that a request asks for is kept: measurements compare both.
        """
        if not self.host.wire.text_calls:
            return None
        known = self.probed
        mode = None if asked is None else asked.tool_mode
        if mode is None and self.model.takes_tools is False:
            mode = "text"
        if known is None:
            return TextCalls(tool_mode=mode)
        mode = mode or known.tool_mode
        return TextCalls(family=known.family, prefix=known.prefix, tool_mode=mode)

    def _refuse_unsupported(self, request: ChatRequest) -> None:
        """Raise `NotSupported` for what the model is known not to take."""
        missing = None
        for each in request.iter_files():
            kind: Literal["image", "pdf"] = "image" if each.is_image else "pdf"
            if self.model.takes(kind) is False:
                missing = "does not see images" if kind == "image" else "does not read PDF files"
        if request.tools and self.model.takes_tools is False and not self.host.wire.text_calls:
            missing = "does not call tools"
        if request.web_search and not self._searches:
            missing = f"does not search the web at {self.host.name}"
        if missing is not None:
            raise NotSupported(self.provider, f"{self.model.name} {missing}")

    @property
    def _searches(self) -> bool:
        return self.host.web_search is not None and "web-search" in self.model.capabilities

    def _fit_tools(self, request: ChatRequest, notes: list[str]) -> ChatRequest:
        """Return the request with a choice of tools, a search and a schema that the model takes."""
        forced = request.tool_choice not in {"auto", "none"}
        if request.tools and forced and self.model.forced_tools is False:
            request = _ask_for_call(request)
            notes.append(
                "tool_choice was sent as an instruction: the model cannot be forced to call a tool"
            )
        elif request.tools and forced and self._forces_without_reasoning(request):
            request = replace(request, reasoning_effort="none")
            notes.append("the model did not reason, because it is forced to call a tool")
        if request.web_search:
            if self.host.usd_per_search is None and not self.simulated:
                notes.append("the price of a web search is not known, so costs do not include it")
            # Where every answer searches, nothing is switched on.
            request = replace(request, web_search=self.host.web_search == "tool")
        if request.response_schema is not None and self.model.structured_output is False:
            request = move_schema_to_prompt(request)
            notes.append("the schema was only sent as an instruction: the model takes no schemas")
        return request

    def _forces_without_reasoning(self, request: ChatRequest) -> bool:
        """Return whether reasoning must be off: Anthropic's older models cannot do both."""
        is_unknown = self.host.adapter == "anthropic" and self.model.forced_tools is None
        asked = request.reasoning_effort not in {None, "none"}
        return is_unknown and asked and self.model.reasoning == "optional"

    @property
    def _reasons_without_tools(self) -> bool:
        can_stop = self.model.reasoning in {"optional", "default-on"}
        return self.model.tools_while_reasoning is False and can_stop

    def _refuses_effort(self, request: ChatRequest) -> str | None:
        match self.model.reasoning:
            case "optional" | "default-on":
                return None
            case "always" if request.reasoning_effort != "none":
                return None
            case "always":
                return "the model always reasons"
            case "none":
                return "the model does not reason"
        return "it is not known whether the model accepts it"


def _ask_for_call(request: ChatRequest) -> ChatRequest:
    """Return the request with its choice of a tool as an instruction."""
    choice = request.tool_choice
    what = f"the tool {choice.name}" if isinstance(choice, NamedTool) else "at least one tool"
    rule = f"Call {what} before you answer."
    system = f"{request.system}\n\n{rule}" if request.system else rule
    return replace(request, tool_choice="auto", system=system)


Support: TypeAlias = Literal["yes", "no", "unknown"]

_DROPPED: dict[AdapterKind, frozenset[str]] = {"anthropic": frozenset({"temperature", "top_p"})}
"""Parameters that the adapter never sends, for any model."""


def list_supported_parameters(model: Model, adapter: AdapterKind) -> dict[str, Support]:
    """Return for each parameter whether it reaches the model; others are dropped with a note."""
    dropped = _DROPPED.get(adapter, frozenset()) | set(model.unsupported)
    found: dict[str, Support] = {
        name: "no" if name in dropped else "yes" for name in ("temperature", "top_p", "stop")
    }
    found["max_output_tokens"] = "yes"
    found["tools"] = _to_support(model.takes_tools)
    found["images"] = _to_support(model.takes("image"))

    found["response_schema"] = _to_support(model.structured_output)
    found["reasoning_effort"] = _to_support(
        None if model.reasoning is None else model.reasoning != "none"
    )
    return found


def _to_support(fact: bool | None) -> Support:
    if fact is None:
        return "unknown"
    return "yes" if fact else "no"


def build_embedding_deployment(
    entry: EmbeddingModel, host: Provider, base_url: str, *, simulated: bool
) -> Deployment:
    """Return an embedding model as a deployment, for middleware."""
    model = _to_model(entry, None)
    return Deployment(
        model=model, entry=model.deployments[0], host=host, base_url=base_url, simulated=simulated
    )


def build_rerank_deployment(
    entry: RerankModel, host: Provider, base_url: str, *, simulated: bool
) -> Deployment:
    """Return a rerank model as a deployment, for middleware."""
    model = _to_model(entry, entry.usd_per_search)
    return Deployment(
        model=model, entry=model.deployments[0], host=host, base_url=base_url, simulated=simulated
    )


def _to_model(entry: EmbeddingModel | RerankModel, usd_per_search: Decimal | None) -> Model:
    """Return a model that writes no text as a `Model`; only what it reads has a price."""
    prices = None
    if entry.usd_per_million is not None or usd_per_search is not None:
        prices = Prices(
            input=entry.usd_per_million or Decimal(0),
            output=Decimal(0),
            per_search=usd_per_search,
            source=entry.price_source or "the catalogue",
        )
    return Model(
        id=entry.id,
        name=entry.name,
        maker=entry.maker,
        deployments=(DeploymentEntry(provider=entry.provider, model=entry.model, prices=prices),),
    )
