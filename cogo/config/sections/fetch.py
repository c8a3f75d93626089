"""The hosts that may be fetched: `[fetch]` of `cogo.toml`, and COGO_FETCH_ALLOW."""

from typing import Final

from agents.fetching import AllowList, AllowListInvalid
from cogo.config.context import Project, read_overlays
from cogo.config.sections.modules import parse_overlay
from cogo.errors import SettingInvalid
from providers.catalogue.loader import FETCH_SECTION, Overlay

_VARIABLE: Final = "COGO_FETCH_ALLOW"
_EXAMPLE: Final = 'allow = ["example.com", "*.example.org"]'


def find_allowed_hosts(project: Project) -> AllowList:
    """Return the hosts that trusted files and the variable name; those of all count.

    Raises SettingInvalid.
    """
    overlays, _ = read_overlays(project.settings, project.directory)
    entries = [entry for each in overlays for entry in _read_entries(each)]
    named = [each.strip() for each in project.settings.fetch_allow.split(",") if each.strip()]
    return AllowList.parse([*entries, *_check_entries(_VARIABLE, named)])


def check_fetch(overlay: Overlay) -> list[str]:
    """Return what is wrong in this section of a file, a sentence each."""
    try:
        _read_entries(overlay)
    except SettingInvalid as error:
        return [str(error)]
    return []


def _read_entries(overlay: Overlay) -> list[str]:
    values = parse_overlay(overlay).get(FETCH_SECTION, {})
    entries = values.get("allow", []) if isinstance(values, dict) else None
    is_list = isinstance(entries, list) and all(isinstance(each, str) for each in entries)
    if not is_list or set(values) - {"allow"}:
        reason = f"[{FETCH_SECTION}] has one setting, such as {_EXAMPLE}"
        raise SettingInvalid(overlay.name, reason=reason)
    return _check_entries(overlay.name, entries or [], where=f"[{FETCH_SECTION}] allow: ")


def _check_entries(name: str, entries: list[str], *, where: str = "") -> list[str]:
    try:
        AllowList.parse(entries)
    except AllowListInvalid as error:
        raise SettingInvalid(name, reason=f"{where}{error}") from error
    return entries
