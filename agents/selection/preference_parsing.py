"""What a person says about models, checked against those that exist."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from agents.errors import SHOWN, InvalidTask
from agents.selection.preferences import Preferences
from providers.catalogue.catalogue import Catalogue
from providers.errors import UnknownModel

NAME_CHARACTERS = 200
MOST_UNKNOWN = 10
"""To find the names that are near an unknown one takes milliseconds."""


def parse_model_preferences(value: Any, catalogue: Catalogue, served: Sequence[str]) -> Preferences:
    """Read the `preferences` of a task. `served` are lanes, known to this catalogue or not.

    Raises InvalidTask for a wrong shape and for a name that does not exist: a misspelt denial must
    not let a model through.
    """
    try:
        wishes = Preferences.model_validate(value if value is not None else {})
    except ValidationError as error:
        raise InvalidTask.of("preferences", error, keys=Preferences.model_fields) from error
    models = {
        "preferences.allowed_models": wishes.allowed_models,
        "preferences.denied_models": wishes.denied_models,
    }
    for field, names in models.items():
        for name in names:
            if name not in served:
                check_model_name(field, name, catalogue, served)
    known = {*catalogue.providers, *(catalogue.facts(lane).provider for lane in served)}
    providers = {
        "preferences.allowed_providers": wishes.allowed_providers,
        "preferences.denied_providers": wishes.denied_providers,
    }
    for field, names in providers.items():
        for name in names:
            if name not in known:
                raise InvalidTask.not_one_of(field, name, known)
    return wishes


def resolve_lanes(
    names: Iterable[str], catalogue: Catalogue, served: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the served lanes that `names` stand for, and a sentence for each that is none.

    Once MOST_UNKNOWN names do not exist, only those of lanes are read.
    """
    lanes: dict[str, None] = {}
    notes: dict[str, None] = {}
    unknown = unread = 0
    for name in dict.fromkeys(names):
        if name in served:
            lanes[name] = None
            continue
        if unknown == MOST_UNKNOWN:
            unread += 1
            continue
        try:
            check_model_name("model", name, catalogue, served)
        except InvalidTask as error:
            notes[error.message] = None
            unknown += 1
            continue
        found = catalogue.resolve(name, still_served=served)
        if found.note:
            notes[found.note] = None
        if found.model.id in served:
            lanes[found.model.id] = None
        else:
            notes[f"No executor serves {found.model.id} now."] = None
    if unread:
        notes[f"{unread} more names were not read."] = None
    return list(lanes), list(notes)


def normalize_requested_model(name: str | None) -> str | None:
    """Return the model that is asked for by name; `auto` names none, as in the table of tasks."""
    return None if name is None or name.strip().lower() in {"", "auto"} else name


def check_model_name(field: str, name: str, catalogue: Catalogue, served: Sequence[str]) -> None:
    """Raise InvalidTask, with the nearest names, unless the catalogue knows this one."""
    if len(name) > NAME_CHARACTERS:
        raise InvalidTask(field, f"{field}: {name[:SHOWN]!r}... is too long for a model's name.")
    try:
        catalogue.resolve(name)
    except UnknownModel as error:
        near = ", ".join(error.nearest)
        help_ = f"the nearest names: {near}" if near else "`cogo models` lists what does"
        raise InvalidTask(
            field,
            f"{field} {name!r} does not exist; {help_}.",
            allowed=error.nearest or served,
        ) from error
