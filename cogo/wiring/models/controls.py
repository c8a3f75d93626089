"""The names that operators type, for the command line and the gateway alike."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from agents.orchestrator.lane_registry import list_served_lanes
from agents.selection.evidence.knowledge import list_control_subjects
from agents.selection.kinds.linear_model import LABELS
from agents.selection.model_profiles import get_profile_cache
from agents.selection.requirements import TYPES_OF_WORK
from protocol.errors import InvalidArgument
from protocol.records.models import ControlAction, Controlled
from protocol.store.gateway import GatewayStore
from protocol.tool_names import WEB_SEARCH
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.schema import EmbeddingModel, Model, RerankModel
from providers.errors import UnknownModel

ASKED_BY: Final = "operators"
"""How the database names the caller in a switch that a look at what it knows has caused."""
ALL: Final = "all"
NONE: Final = "none"
_TOOL: Final = re.compile(
    rf"{WEB_SEARCH}|cogo:\w{{1,100}}|(cogo|mcp:[\w-]{{1,100}}|\w[\w.]{{0,150}})/\*"
    r"|mcp:[\w-]{1,64}/[\w.:/-]{1,128}|\w+(\.\w+)+",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedModels:
    """Models and providers as they are stored in grants."""

    models: Sequence[str]
    aliases: Sequence[str]
    """Their other names."""
    providers: Sequence[str]


async def control_model(
    store: GatewayStore,
    catalogue: Catalogue,
    *,
    action: ControlAction,
    name: str,
    scope: str,
    reason: str | None,
) -> list[Controlled]:
    """Pin, ban, drain or allow what a name stands for. Raises InvalidArgument.

    `allow` also undoes what was set under other ids of the same model.
    """
    if action == "pin" and name in catalogue.providers:
        raise InvalidArgument(f"{name} is a provider: only a model can be pinned")
    check_scope(scope)
    served = list_served_lanes(await store.fetch_agents())
    subjects = await _find_subjects(store, catalogue, action, name, served)
    return [
        await store.control_model(
            action=action,
            subject=subject,
            lanes=_list_lanes(subject, catalogue),
            scope=scope,
            reason=reason,
        )
        for subject in (subjects if action == "allow" else subjects[:1])
    ]


def check_scope(scope: str) -> None:
    """Raise InvalidArgument for a type of work that no choice of a model has."""
    kind, _, task_type = scope.partition(":")
    is_unused = task_type.isupper() or (task_type in LABELS and task_type not in TYPES_OF_WORK)
    if kind == "task_type" and is_unused:
        raise InvalidArgument(
            f"no choice of a model has the type {task_type!r}; use "
            f"{', '.join(TYPES_OF_WORK)} (all tasks that are not about code), or a taskType "
            "that tasks state in params.task_requirements"
        )


def resolve_grants(
    models: Sequence[str], providers: Sequence[str], catalogue: Catalogue
) -> GrantedModels:
    """Return the models and providers of any of their names. Raises InvalidArgument."""
    found: list[Model | EmbeddingModel | RerankModel] = []
    for name in models:
        try:
            found.append(catalogue.resolve(name).model)
        except UnknownModel as error:
            textless = _find_textless_model(name, catalogue)
            if textless is None:
                raise InvalidArgument(str(error), hint="`cogo models --all` lists them") from error
            found.append(textless)
    for name in providers:
        if name not in catalogue.providers:
            known = ", ".join(sorted(catalogue.providers))
            raise InvalidArgument(f"unknown provider {name!r}", hint=f"the providers are {known}")
    return GrantedModels(
        models=[each.id for each in found],
        aliases=[alias for each in found for alias in (*each.aliases, each.name)],
        providers=list(providers),
    )


def parse_granted_tools(names: Sequence[str]) -> list[str]:
    """Return the tools as they are stored; an empty list: all. Raises InvalidArgument."""
    if ALL in names or NONE in names:
        if len(names) > 1:
            raise InvalidArgument("the tools all and none go with no other tool")
        return [] if names[0] == ALL else [NONE]
    for name in names:
        if _TOOL.fullmatch(name) is None:
            raise InvalidArgument(
                f"{name[:200]!r} is no full name of a tool",
                hint="such as shop_tools.find_order, shop_tools/*, mcp:SERVER/TOOL, mcp:SERVER/*, "
                "cogo:run_code, cogo/* or web_search (`cogo tools` lists them)",
            )
    return list(names)


async def _find_subjects(
    store: GatewayStore,
    catalogue: Catalogue,
    action: ControlAction,
    name: str,
    served: Collection[str],
) -> Sequence[str]:
    try:
        return list_control_subjects(name, catalogue, served)
    except UnknownModel as error:
        known = await store.model_knowledge(agent_id=ASKED_BY)
        textless = _find_textless_model(name, catalogue)
        if textless is not None and action in {"ban", "allow"}:
            return [textless.id]
        if action == "allow" and name in {row.subject for row in known.controls}:
            return [name]
        raise InvalidArgument(str(error), hint="`cogo models --all` lists all names") from error


def _find_textless_model(name: str, catalogue: Catalogue) -> EmbeddingModel | RerankModel | None:
    try:
        return catalogue.find_textless_model(name)
    except UnknownModel:
        return None


def _list_lanes(subject: str, catalogue: Catalogue) -> list[str]:
    """Return the lanes of a provider; for a model its own lane."""
    if subject not in catalogue.providers:
        return [subject]
    profiles = get_profile_cache(catalogue)
    return [lane for lane in catalogue.models if profiles.get(lane).provider == subject]
