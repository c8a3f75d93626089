"""A router whose concurrency limits do not get in the way of a benchmark."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router

MARGIN = 8


_CHAT = '[providers.openai.wire]\napi = "chat_completions"\n'


def render_overlay(connections: int) -> str:
    """Return a `cogo.toml` that lets so many calls run at OpenAI and Anthropic."""
    limit = connections + MARGIN
    return "".join(
        f"[providers.{name}]\nmax_concurrency = {limit}\n" for name in ("openai", "anthropic")
    )


def build_router(
    credentials: Mapping[str, Credential], connections: int, *, chats: bool = False
) -> Router:
    """Return a router for so many concurrent calls; enter it before the first call.

    `chats`: OpenAI is called by chat completions instead of the Responses API.
    """
    with TemporaryDirectory() as directory:
        overlay = Path(directory) / "cogo.toml"
        text = render_overlay(connections) + (_CHAT if chats else "")
        overlay.write_text(text, encoding="utf-8")
        return Router(Catalogue.load(overlay), dict(credentials))
