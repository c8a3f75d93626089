"""Long-term memory: `[memory]` of `cogo.toml`, and COGO_MEMORY_MODEL."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cogo.config.context import Project, read_overlays
from cogo.config.sections.modules import parse_overlay
from cogo.errors import SettingInvalid
from providers.catalogue.loader import MEMORY_SECTION, Overlay

_NAMES: Final = ("index", "model")
_EXAMPLE: Final = 'model = "text-embedding-3-small"'


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySettings:
    """Which embedding model, and where vectors are kept beside Postgres."""

    model: str | None = None
    """None: the first model that executors serve."""
    index: str | None = None
    """None: Postgres alone."""


def find_memory_settings(project: Project) -> MemorySettings:
    """Return the settings; the variable wins, then the later file. Raises SettingInvalid."""
    overlays, _ = read_overlays(project.settings, project.directory)
    found: dict[str, str] = {}
    for each in overlays:
        found |= _read_section(each)
    model = project.settings.memory_model or found.get("model")
    return MemorySettings(model=model, index=found.get("index"))


def check_memory_section(overlay: Overlay) -> list[str]:
    """Return what is wrong in this section of a file, a sentence each."""
    try:
        _read_section(overlay)
    except SettingInvalid as error:
        return [str(error)]
    return []


def _read_section(overlay: Overlay) -> Mapping[str, str]:
    values: Any = parse_overlay(overlay).get(MEMORY_SECTION, {})
    if not isinstance(values, dict) or not all(
        name in _NAMES and isinstance(value, str) and value for name, value in values.items()
    ):
        reason = f"[{MEMORY_SECTION}] has the settings {' and '.join(_NAMES)}, such as {_EXAMPLE}"
        raise SettingInvalid(overlay.name, reason=reason)
    return values
