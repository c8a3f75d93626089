"""A task's preferences about models, and the check of the names in them."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agents.errors import MAX_SHOWN, InvalidTask
from protocol.records.models import PolicyName
from providers.catalogue.data_policy import parse_rules
from providers.errors import UnknownModel

if TYPE_CHECKING:
    from providers.catalogue.catalogue import Catalogue

MAX_NAME_CHARACTERS = 200
MAX_UNKNOWN_NAMES = 10
"""Finding the names that are similar to an unknown one takes milliseconds."""


class Preference(StrEnum):
    """What matters most when several models are suitable."""

    QUALITY = "quality"
    BALANCED = "balanced"
    SPEED = "speed"
    COST = "cost"
    LOCAL = "local"
    """A model on this machine, unless another one is expected to be clearly better."""


class Preferences(BaseModel):
    """The column `preferences` of a task. An unknown key is an error; it may be misspelt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preference: Preference = Preference.BALANCED
    policy: PolicyName | None = None
    """None: the owner's, else the deployment's."""
    allowed_models: list[str] = Field(default_factory=list)
    denied_models: list[str] = Field(default_factory=list)
    allowed_providers: list[str] = Field(default_factory=list)
    denied_providers: list[str] = Field(default_factory=list)
    data_policy: Annotated[tuple[str, ...], BeforeValidator(parse_rules)] = ()
    """Rules that must all hold, see `providers.catalogue.data_policy`; empty means `any`."""


def parse_model_preferences(
    value: Any, catalogue: "Catalogue", served: Sequence[str]
) -> Preferences:
    """Parse the preferences of a task. `served` are lanes, which the catalogue may not know.

    Raises InvalidTask for a wrong shape and for a name that does not exist, because a misspelt
    denial would allow the model.
    """
    try:
        preferences = Preferences.model_validate(value if value is not None else {})
    except ValidationError as error:
        raise InvalidTask.from_validation(
            "preferences", error, keys=Preferences.model_fields
        ) from error
    for field in ("allowed_models", "denied_models"):
        for name in getattr(preferences, field):
            if name not in served:
                check_model_name(f"preferences.{field}", name, catalogue, served)
    if not preferences.allowed_providers and not preferences.denied_providers:
        return preferences
    providers = {
        *catalogue.providers,
        *(catalogue.get_lane_facts(lane).provider for lane in served),
    }
    for field in ("allowed_providers", "denied_providers"):
        for name in getattr(preferences, field):
            if name not in providers:
                raise InvalidTask.not_allowed(f"preferences.{field}", name, providers)
    return preferences


def resolve_lanes(
    names: Iterable[str], catalogue: "Catalogue", served: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the served lanes that `names` stand for, and a sentence for each name without one.

    After MAX_UNKNOWN_NAMES names that do not exist, only names of lanes are resolved.
    """
    lanes: dict[str, None] = {}
    notes: dict[str, None] = {}
    unknown = unread = 0
    for name in dict.fromkeys(names):
        if name in served:
            lanes[name] = None
            continue
        if unknown == MAX_UNKNOWN_NAMES:
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
        notes[f"{unread} more names were not resolved."] = None
    return list(lanes), list(notes)


def normalize_requested_model(name: str | None) -> str | None:
    """Return the requested model, or None for `auto` and the empty name, as SQL does."""
    return None if name is None or name.strip().lower() in {"", "auto"} else name


def check_model_name(field: str, name: str, catalogue: "Catalogue", served: Sequence[str]) -> None:
    """Raise InvalidTask, with similar names, unless the catalogue knows the model."""
    if len(name) > MAX_NAME_CHARACTERS:
        shown = repr(name[:MAX_SHOWN])
        raise InvalidTask(field, f"{field}: {shown}... is too long for a model's name.")
    try:
        catalogue.resolve(name)
    except UnknownModel as error:
        near = ", ".join(error.nearest)
        hint = f"the nearest names: {near}" if near else "`cogo models` lists the names"
        raise InvalidTask(
            field,
            f"{field} {name!r} does not exist; {hint}.",
            allowed=error.nearest or served,
        ) from error
