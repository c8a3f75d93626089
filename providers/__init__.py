"""Models of many vendors behind one call.

Each layer of this package only imports those below it:

    smoke_test      tests of a deployment: list, answer, stream, tool call
    router          from a model id to a running call
    embeddings      texts to vectors, with the router's keys and middleware
    rerank          rankings of documents, likewise
    calls           one call: middleware, retries, fallback, limits, timeouts
    adapters        wire formats over HTTP, and the mapping of errors; beside it prices
    catalogue       providers, models and deployments as data, keys, data policies
    schemas         JSON Schemas as vendors take them; beside it `chat_json`: turns as JSON,
                    and `chat_response`: answers as a whole
    chat, errors    requests, events of answers, and all errors
    secrets         redaction

To add a vendor, add a `providers.<id>` entry and its models to `catalogue/catalogue.toml`. If it
has a wire format of its own, add an adapter beside the others and name it in
`adapters/registry.py`.

The names below are public. They are imported on first use, which keeps `import providers` cheap.

    async with Router(Catalogue.load(), {"anthropic": Credential(key=SecretStr("..."))}) as router:
        request = ChatRequest(model="", messages=(Message(role="user", content="Hello"),))
        answer = await collect_response(router.stream("claude-sonnet-5-5", request))
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.adapters.base import Timeouts
    from providers.adapters.open_models.model_adapter import ModelAdapter
    from providers.calls.middleware import CallContext, CallMiddleware, VendorCall
    from providers.catalogue.catalogue import Catalogue
    from providers.catalogue.deployment import Credential, Deployment
    from providers.chat import ChatRequest, Message, Tool
    from providers.chat_response import ChatResponse, collect_response
    from providers.embeddings.embedder import Embedder
    from providers.errors import CallFailed, ProviderError
    from providers.rerank.reranker import Reranker
    from providers.router import Call, Router

__all__ = [
    "Call",
    "CallContext",
    "CallFailed",
    "CallMiddleware",
    "Catalogue",
    "ChatRequest",
    "ChatResponse",
    "Credential",
    "Deployment",
    "Embedder",
    "Message",
    "ModelAdapter",
    "ProviderError",
    "Reranker",
    "Router",
    "Timeouts",
    "Tool",
    "VendorCall",
    "collect_response",
]

_MODULES = {
    "adapters.base": ("Timeouts",),
    "adapters.open_models.model_adapter": ("ModelAdapter",),
    "calls.middleware": ("CallContext", "CallMiddleware", "VendorCall"),
    "catalogue.catalogue": ("Catalogue",),
    "catalogue.deployment": ("Credential", "Deployment"),
    "chat": ("ChatRequest", "Message", "Tool"),
    "chat_response": ("ChatResponse", "collect_response"),
    "embeddings.embedder": ("Embedder",),
    "errors": ("CallFailed", "ProviderError"),
    "rerank.reranker": ("Reranker",),
    "router": ("Call", "Router"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        for module, names in _MODULES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
