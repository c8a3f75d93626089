"""A model at a provider that can be called from here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from pydantic import SecretStr

from providers.adapters.output_limits import SENT
from providers.catalogue.schema import DeploymentEntry, Model, Provider
from providers.chat import ChatRequest

__all__ = ["Credential", "Credentials", "Deployment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What opens one provider here."""

    key: SecretStr | None = None
    spare_keys: tuple[SecretStr, ...] = ()
    """More keys of the same provider: calls are spread over all, a refused one is set aside."""
    base_url: str | None = None
    """In place of the catalogue's."""
    simulated: bool = False
    """The base URL is the vendor simulator's: its answers are nobody's."""

    def __post_init__(self) -> None:
        """Strip white space around keys; a key of white space alone is none."""
        given = (self.key, *self.spare_keys)
        texts = [each.get_secret_value().strip() for each in given if each is not None]
        keys = [SecretStr(text) for text in texts if text]
        object.__setattr__(self, "key", keys[0] if keys else None)
        object.__setattr__(self, "spare_keys", tuple(keys[1:]))

    @property
    def keys(self) -> tuple[SecretStr, ...]:
        """All of them."""
        return self.spare_keys if self.key is None else (self.key, *self.spare_keys)


Credentials: TypeAlias = Mapping[str, Credential]
"""Provider id to what opens it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where one model is served."""

    model: Model
    entry: DeploymentEntry
    host: Provider
    base_url: str
    simulated: bool = False

    @property
    def id(self) -> str:
        """Names it in logs, rows and metrics: `anthropic:claude-sonnet-5-5`.

        Those of the simulator begin with `simulated:`, for it has limits and failures of its own.
        """
        name = f"{self.host.id}:{self.entry.model}"
        return f"simulated:{name}" if self.simulated else name

    @property
    def provider(self) -> str:
        """The provider's id."""
        return self.host.id

    @property
    def provider_model(self) -> str:
        """The provider's own id of the model."""
        return self.entry.model

    @property
    def made_by(self) -> str:
        """Who to thank for the answer: "DeepSeek AI (via Fireworks)", or the maker alone."""
        if self.host.name == self.model.maker:
            return self.model.maker
        return f"{self.model.maker} (via {self.host.name})"

    @property
    def masks_keys(self) -> bool:
        """Whether keys in prompts are masked before they are sent there."""
        for stated in (self.entry.mask_keys, self.host.mask_keys):
            if stated is not None:
                return stated
        return not self.host.local

    def fitted(self, request: ChatRequest) -> tuple[ChatRequest, tuple[str, ...]]:
        """The request as this model takes it, and what had to be left out."""
        notes: list[str] = []
        request = replace(request, model=self.provider_model)
        if request.reasoning_effort is not None and (why := self._refuses(request)):
            request = replace(request, reasoning_effort=None)
            notes.append(f"reasoning_effort was not sent: {why}")
        if request.tools and self._reasons_without_tools and request.reasoning_effort != "none":
            # Without an effort the vendor takes its default one, and refuses the tools.
            asked = request.reasoning_effort
            request = replace(request, reasoning_effort="none")
            notes.append(
                "the model did not reason: it takes no tools while it does"
                + (f" (reasoning_effort {asked} was asked for)" if asked else "")
            )
        limit = self.model.max_output_tokens
        if request.max_output_tokens is None:
            # Adapters that always send a number send this one; a model may take less.
            if limit is not None and SENT.get(self.host.adapter, 0) > limit:
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
            notes.append(f"{name} was not sent: the model does not take it")
        return request, tuple(notes)

    @property
    def _reasons_without_tools(self) -> bool:
        can_stop = self.model.reasoning in {"optional", "default-on"}
        return self.model.tools_while_reasoning is False and can_stop

    def _refuses(self, request: ChatRequest) -> str | None:
        match self.model.reasoning:
            case "optional" | "default-on":
                return None
            case "always" if request.reasoning_effort != "none":
                return None
            case "always":
                return "the model always reasons"
            case "none":
                return "the model does not reason"
        return "it is not known whether the model takes it"
