"""Creation of adapters. Add new wire formats here; SDKs are imported lazily."""

from typing import assert_never

from pydantic import SecretStr

from providers.adapters.base import Adapter
from providers.catalogue.schema import Provider


def make_adapter(provider: Provider, *, base_url: str, key: SecretStr | None) -> Adapter:
    """Return the adapter that a provider's entry names.

    Importing an SDK blocks for up to a second: call it in a thread.
    """
    match provider.adapter:
        case "anthropic":
            from providers.adapters.anthropic.client import Anthropic  # noqa: PLC0415  on first use

            return Anthropic(vendor=provider.id, base_url=base_url, key=key)
        case "fireworks":
            from providers.adapters.fireworks import Fireworks  # noqa: PLC0415  on first use

            return Fireworks(base_url=base_url, key=key)
        case "gemini":
            from providers.adapters.gemini.client import Gemini  # noqa: PLC0415  on first use

            return Gemini(base_url=base_url, key=key)
        case "ollama":
            from providers.adapters.ollama.client import Ollama  # noqa: PLC0415  on first use

            return Ollama(vendor=provider.id, base_url=base_url, key=key)
        case "openai_compatible":
            from providers.adapters.openai.client import OpenAICompatible  # noqa: PLC0415  on first use

            return OpenAICompatible(
                vendor=provider.id,
                base_url=base_url,
                key=key,
                dialect=provider.wire,
                keeps_connections=not provider.local,
            )
    assert_never(provider.adapter)
