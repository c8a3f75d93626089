"""The adapter for a provider. Its SDK is imported here, when the first call needs it."""

from typing import assert_never

from pydantic import SecretStr

from providers.adapter import Adapter
from providers.entries import Provider

__all__ = ["make_adapter"]


def make_adapter(provider: Provider, *, base_url: str, key: SecretStr | None) -> Adapter:
    """Make the adapter that a provider's entry names.

    Importing an SDK takes up to a second and blocks: call it in a thread.
    """
    match provider.adapter:
        case "anthropic":
            from providers.anthropic import Anthropic  # noqa: PLC0415  on first use

            return Anthropic(vendor=provider.id, base_url=base_url, key=key)
        case "fireworks":
            from providers.fireworks import Fireworks  # noqa: PLC0415  on first use

            return Fireworks(base_url=base_url, key=key)
        case "gemini":
            from providers.gemini import Gemini  # noqa: PLC0415  on first use

            return Gemini(base_url=base_url, key=key)
        case "openai_compatible":
            from providers.openai_compatible import OpenAICompatible  # noqa: PLC0415  on first use

            return OpenAICompatible(
                vendor=provider.id, base_url=base_url, key=key, profile=provider.wire
            )
    assert_never(provider.adapter)
