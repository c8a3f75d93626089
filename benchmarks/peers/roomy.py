"""A router that lets as many calls run at once as a benchmark asks for."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from providers.catalogue.catalogue import Catalogue
from providers.router import Credential, Router

MARGIN = 8


def roomy_catalogue(connections: int) -> Catalogue:
    """The packaged catalogue with room for so many calls at OpenAI and Anthropic."""
    with TemporaryDirectory() as directory:
        overlay = Path(directory) / "cogo.toml"
        overlay.write_text(overlay_of(connections), encoding="utf-8")
        return Catalogue.load(overlay)


def overlay_of(connections: int) -> str:
    """What a cogo.toml says for it."""
    room = connections + MARGIN
    return "".join(
        f"[providers.{name}]\nmax_concurrency = {room}\n" for name in ("openai", "anthropic")
    )


def roomy_router(credentials: Mapping[str, Credential], connections: int) -> Router:
    """Enter it (`async with`) before the first call."""
    return Router(roomy_catalogue(connections), dict(credentials))
