"""A check of a whole `cogo.toml`, for the person who has written it."""

from cogo.config.sections.fetch import check_fetch
from cogo.config.sections.mcp_servers import check_mcp_servers
from cogo.config.sections.memory import check_memory_section
from cogo.config.sections.modules import check_modules, parse_overlay
from providers.catalogue.loader import Overlay, load_entries
from providers.errors import CatalogueInvalid


def check_overlay(overlay: Overlay) -> list[str]:
    """Return what is wrong in a `cogo.toml`, a sentence each. Raises SettingInvalid: no TOML."""
    parse_overlay(overlay)
    wrong = [*check_modules(overlay), *check_mcp_servers(overlay), *check_fetch(overlay)]
    wrong += check_memory_section(overlay)
    try:
        load_entries([overlay])
    except CatalogueInvalid as error:
        wrong.append(str(error))
    return wrong
