"""The modules that a project names in `[workflows]` and `[tools]` of `cogo.toml`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cogo.config.context import Project, read_overlays
from cogo.errors import SettingInvalid
from providers.catalogue.loader import TOOLS_SECTION, WORKFLOWS_SECTION, Overlay

_FLOWS: Final = "acme.flows"
_TOOLS: Final = "acme.tools"
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class NamedModules:
    """Names of modules, and the folders from which they are imported."""

    names: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    """Those of the files that name them."""


def find_workflow_modules(project: Project) -> NamedModules:
    """Return the modules with workflows that trusted files name; those of all files count.

    Raises SettingInvalid.
    """
    return _find_modules(project, WORKFLOWS_SECTION, _FLOWS)


def find_tool_modules(project: Project) -> NamedModules:
    """Return the modules with tools, likewise. Raises SettingInvalid."""
    return _find_modules(project, TOOLS_SECTION, _TOOLS)


def check_modules(overlay: Overlay) -> list[str]:
    """Return what is wrong in these sections of a file, a sentence each."""
    wrong = []
    for section, example in ((WORKFLOWS_SECTION, _FLOWS), (TOOLS_SECTION, _TOOLS)):
        try:
            _read_names(overlay, section, example)
        except SettingInvalid as error:
            wrong.append(str(error))
    return wrong


def parse_overlay(overlay: Overlay) -> Mapping[str, Any]:
    """Return the content of a file. Raises SettingInvalid."""
    try:
        content: Mapping[str, Any] = tomllib.loads(overlay.content.decode("utf-8"))
    except ValueError as error:  # not UTF-8, or not TOML: its message ends with line and column
        raise SettingInvalid(overlay.name, reason=f"it is not valid TOML: {error}") from error
    return content


def _find_modules(project: Project, section: str, example: str) -> NamedModules:
    overlays, _ = read_overlays(project.settings, project.directory)
    named = {each.name: _read_names(each, section, example) for each in overlays}
    return NamedModules(
        names=tuple(dict.fromkeys(name for names in named.values() for name in names)),
        folders=tuple(dict.fromkeys(Path(file).parent for file, names in named.items() if names)),
    )


def _read_names(overlay: Overlay, section: str, example: str) -> list[str]:
    values = parse_overlay(overlay).get(section, {})
    names = values.get("modules", []) if isinstance(values, dict) else None
    unknown = sorted(set(values) - {"modules"}) if isinstance(values, dict) else []
    if names is None or not isinstance(names, list) or unknown:
        wrong = f"{unknown[0]!r} in " if unknown else ""
        raise SettingInvalid(
            overlay.name,
            reason=f'{wrong}[{section}] has one setting, such as modules = ["{example}"]',
        )
    for name in names:
        if not isinstance(name, str) or _MODULE.fullmatch(name) is None:
            raise SettingInvalid(
                overlay.name,
                reason=f"[{section}] modules: {str(name)[:100]!r} is no name of a module, "
                f"such as {example}",
            )
    return names
