"""Loading of catalogue files: reading, merging and validation."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from providers.catalogue.schema import EmbeddingModel, Model, Provider, RerankModel
from providers.errors import CatalogueInvalid

CHECKED_ON: Final = date(2026, 11, 28)
"""Date of the packaged facts."""
_NOTICE: Final = timedelta(days=30)
"""A model counts as retired from this long before its end."""

PACKAGED: Final = "catalogue.toml"
_SECTIONS: Final = ("providers", "models", "roles", "embeddings", "rerankers")
WORKFLOWS_SECTION: Final = "workflows"
TOOLS_SECTION: Final = "tools"
MCP_SECTION: Final = "mcp"
FETCH_SECTION: Final = "fetch"
MEMORY_SECTION: Final = "memory"
_OTHER_SECTIONS: Final = (
    WORKFLOWS_SECTION, TOOLS_SECTION, MCP_SECTION, FETCH_SECTION, MEMORY_SECTION,
)  # fmt: skip
"""Sections of the same file that are not about models."""
_NOT_INHERITED: Final = frozenset({"aliases", "base", "deployments", "id", "name", "retirement"})
"""Fields that a fine-tuned model does not inherit from its base."""
_FACTS: Final = "data_policy"


class Entries(BaseModel):
    """All entries, validated individually; `Catalogue` checks their references."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    providers: dict[str, Provider]
    models: dict[str, Model]
    roles: dict[str, str]
    embeddings: dict[str, EmbeddingModel] = {}
    rerankers: dict[str, RerankModel] = {}


@dataclass(frozen=True, slots=True)
class Overlay:
    """A file in memory, which cannot change between a check and its use."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    content: dict[str, dict[str, Any]]


def load_entries(
    overlays: Sequence[Path | Overlay] = (), *, today: date = CHECKED_ON
) -> tuple[Entries, Mapping[tuple[str, str], str]]:
    """Return the packaged entries with these overlays, and the file that last set each entry.

    A file may add entries and change single fields of existing ones. `retirement = false` removes
    a retirement, if a vendor still serves the model. A retirement more than a month after `today`
    is only announced (`Model.ending`).

    Raises:
        CatalogueInvalid: a file cannot be read, is not TOML, or has an invalid entry.
    """
    return _merge_layers(tuple(map(_read_overlay, overlays)), today)


@lru_cache(maxsize=1)
def _merge_layers(
    overlays: tuple[Overlay, ...], today: date
) -> tuple[Entries, Mapping[tuple[str, str], str]]:
    """Return what `load_entries` does; the last result is kept, since it takes 60 ms of CPU.

    Forks share the result of their parent.
    """
    packaged = files("providers.catalogue").joinpath(PACKAGED).read_text("utf-8")
    layers = [_parse(PACKAGED, packaged), *map(_parse_overlay, overlays)]
    merged: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    origins: dict[tuple[str, str], str] = {}
    for layer in layers:
        for section, entries in layer.content.items():
            for key, entry in entries.items():
                origins[section, key] = layer.name
                merged[section][key] = _merge_entry(merged[section].get(key), entry, key)
    merged["models"] = {
        key: _inherit_base(key, merged["models"], origins) for key in merged["models"]
    }
    try:
        valid = Entries.model_validate(merged)
    except ValidationError as error:
        raise CatalogueInvalid(_explain(error, origins)) from error
    models = {key: _set_ending(model, today) for key, model in valid.models.items()}
    return valid.model_copy(update={"models": models}), origins


def _set_ending(model: Model, today: date) -> Model:
    retirement = model.retirement
    if retirement is None or retirement.on is None or retirement.on <= today + _NOTICE:
        return model
    return model.model_copy(update={"retirement": None, "ending": retirement})


def _read_overlay(overlay: Path | Overlay) -> Overlay:
    try:
        return (
            overlay if isinstance(overlay, Overlay) else Overlay(str(overlay), overlay.read_bytes())
        )
    except OSError as error:
        raise CatalogueInvalid(f"{overlay}: cannot be read: {error}") from error


def _parse_overlay(overlay: Overlay) -> _Layer:
    try:
        return _parse(overlay.name, overlay.content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CatalogueInvalid(f"{overlay.name}: cannot be read: {error}") from error


def _parse(name: str, text: str) -> _Layer:
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:  # its message ends with line and column
        raise CatalogueInvalid(f"{name}: not valid TOML: {error}") from error
    for section in _OTHER_SECTIONS:
        content.pop(section, None)
    for section, entries in content.items():
        if section not in _SECTIONS:
            known = (*_SECTIONS, *_OTHER_SECTIONS)
            near = _suggest_name(section, known)
            listed = ", ".join(known)
            raise CatalogueInvalid(f"{name}: unknown section {section!r}{near}; there are {listed}")
        if not isinstance(entries, dict):
            raise CatalogueInvalid(f"{name}: {section} must be a table")
        for key, entry in entries.items():
            if section != "roles" and not isinstance(entry, dict):
                raise CatalogueInvalid(f"{name}: {section}.{key} must be a table")
    return _Layer(name, content)


def _merge_entry(below: Any, above: Any, key: str) -> Any:
    if not isinstance(above, dict):
        return above
    entry = {"id": key} | (below or {}) | above
    if isinstance(below, dict) and isinstance(above.get(_FACTS), dict):
        # A signed agreement, for example, changes nothing about the regions.
        entry[_FACTS] = below.get(_FACTS, {}) | above[_FACTS]
    if entry.get("retirement") is False:
        del entry["retirement"]
    return entry


def _inherit_base(
    key: str, models: Mapping[str, Any], origins: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Return an entry with the fields of its base, which must not have a base itself."""
    entry: dict[str, Any] = models[key]
    base = entry.get("base")
    if base is None:
        return entry
    if not isinstance(base, str) or base not in models or models[base].get("base") is not None:
        where = f"{origins['models', key]}: models.{key}: base"
        raise CatalogueInvalid(f"{where}: {base!r} is not a model here without a base")
    known = {name: fact for name, fact in models[base].items() if name not in _NOT_INHERITED}
    return {**known, **entry}


def _explain(error: ValidationError, origins: Mapping[tuple[str, str], str]) -> str:
    mistakes = []
    for mistake in error.errors():
        section, key, *field = (str(part) for part in (*mistake["loc"], "", "")[:8])
        origin = origins.get((section, key), PACKAGED)
        where = ".".join(part for part in field if part)
        message = mistake["msg"].removeprefix("Value error, ")
        if mistake["type"] == "extra_forbidden":
            near = _suggest_name(str(mistake["loc"][-1]), _list_fields())
            message = f"there is no such field{near}"
        mistakes.append(f"{origin}: {section}.{key}{f': {where}' if where else ''}: {message}")
    return "; ".join(mistakes)


def _suggest_name(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for a name that is close to a known one; else nothing."""
    near = get_close_matches(name, [*known], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _list_fields() -> set[str]:
    """Return the names of the fields of all entries."""
    definitions = Entries.model_json_schema()["$defs"].values()
    return {name for each in definitions for name in each.get("properties", ())}
