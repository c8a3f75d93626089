"""The modules with workflows that a project names in `[workflows]` of `cogo.toml`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cogo.config.context import Project, read_overlays
from cogo.errors import SettingInvalid
from providers.catalogue.loader import WORKFLOWS_SECTION, Overlay

_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class WorkflowModules:
    """Names of modules, and the folders from which they are imported."""

    names: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    """Those of the files that name them."""


def find_workflow_modules(project: Project) -> WorkflowModules:
    """Return the modules that trusted files name; those of all files count.

    Raises SettingInvalid.
    """
    overlays, _ = read_overlays(project.settings, project.directory)
    named = {each.name: _read_names(each) for each in overlays}
    return WorkflowModules(
        names=tuple(dict.fromkeys(name for names in named.values() for name in names)),
        folders=tuple(dict.fromkeys(Path(file).parent for file, names in named.items() if names)),
    )


def _read_names(overlay: Overlay) -> list[str]:
    try:
        content: Mapping[str, Any] = tomllib.loads(overlay.content.decode("utf-8"))
    except ValueError as error:  # not UTF-8, or not TOML
        raise SettingInvalid(overlay.name, reason=str(error)) from error
    section = content.get(WORKFLOWS_SECTION, {})
    names = section.get("modules", []) if isinstance(section, dict) else None
    if not isinstance(section, dict) or not isinstance(names, list) or set(section) - {"modules"}:
        raise SettingInvalid(
            overlay.name, reason='[workflows] has one setting, such as modules = ["acme.flows"]'
        )
    for name in names:
        if not isinstance(name, str) or _MODULE.fullmatch(name) is None:
            raise SettingInvalid(
                overlay.name,
                reason=f"[workflows] modules: {str(name)[:100]!r} is no name of a module, "
                "such as acme.flows",
            )
    return names
