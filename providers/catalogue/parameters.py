"""Which parameters of a request reach a model."""

from typing import Literal, TypeAlias

from providers.catalogue.schema import AdapterKind, Model

__all__ = ["Support", "supported_parameters"]

Support: TypeAlias = Literal["yes", "no", "unknown"]

_DROPPED: dict[AdapterKind, frozenset[str]] = {"anthropic": frozenset({"temperature", "top_p"})}
"""What the adapter never sends, whatever the model."""


def supported_parameters(model: Model, adapter: AdapterKind) -> dict[str, Support]:
    """For each parameter whether it reaches the model; what does not is dropped with a note."""
    dropped = _DROPPED.get(adapter, frozenset()) | set(model.unsupported)
    found: dict[str, Support] = {
        name: "no" if name in dropped else "yes" for name in ("temperature", "top_p", "stop")
    }
    found["max_output_tokens"] = "yes"
    found["tools"] = _known(model.takes_tools)
    found["response_schema"] = _known(model.structured_output)
    found["reasoning_effort"] = _known(
        None if model.reasoning is None else model.reasoning != "none"
    )
    return found


def _known(fact: bool | None) -> Support:
    if fact is None:
        return "unknown"
    return "yes" if fact else "no"
