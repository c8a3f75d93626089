"""Data policies: which providers may receive a prompt under a task's rules.

A provider only satisfies a rule if it declares so; an undeclared fact is not a promise.
The facts are in the catalogue, with their sources. An operator with other terms (a plan, a region,
a signed agreement) sets them in `cogo.toml`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic_core import PydanticCustomError

from providers.catalogue.addresses import find_other_host
from providers.catalogue.deployment import Deployment
from providers.catalogue.open_models import OpenModel, may_pass_on
from providers.catalogue.schema import DataPolicy, Provider

LOCAL_ONLY: Final = "local-only"
RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "any": "all providers",
        "no-training": "only providers that train no model with prompts",
        "eu": "only where prompts are processed in the European Union",
        "region:us": "only where prompts are processed in that region, by its code",
        "hipaa": "only under a signed agreement for health data, or on this machine",
        LOCAL_ONLY: "only on this machine",
    }
)
_REGION: Final = "region:"
_REGION_RULE: Final = re.compile(r"region:[a-z0-9][a-z0-9-]*")
_EU: Final = frozenset(
    re.findall(
        r"\w+",
        "eu at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk",
    )
)


def parse_rules(value: object) -> tuple[str, ...]:
    """Parse `data_policy`: one rule, or a list of rules that must all hold. `any` adds nothing.

    Raises ValueError, which lists the rules.
    """
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise _build_error(value)
    rules: list[str] = []
    for each in given:
        rule = each.strip().casefold() if isinstance(each, str) else ""
        if rule not in RULES and not _REGION_RULE.fullmatch(rule):
            raise _build_error(each)
        if rule != "any":
            rules.append(rule)
    return tuple(dict.fromkeys(rules))


def join_rules(*given: Iterable[str]) -> tuple[str, ...]:
    """Return the rules of several data policies: all must hold, so none loosens another."""
    return tuple(dict.fromkeys(rule for rules in given for rule in rules))


def find_objection(rules: Iterable[str], host: Provider | None) -> str | None:
    """Return why a provider (None: an unknown one) must not get the prompt, or None."""
    for rule in rules:
        reason = _find_violation(rule, host)
        if reason is not None:
            return f"the data policy is {rule}, and {reason}"
    return None


def find_model_objection(
    rules: Sequence[str], hosts: Sequence[Provider], known: OpenModel | None = None
) -> str | None:
    """Return why none of a model's providers may get the prompt, None if one of them may.

    The router then only calls the permitted ones; see `find_deployment_objection`. `known` is what
    an executor reports of an open model.
    """
    if not rules:
        return None
    reasons = [_find_server_objection(rules, host, known) for host in hosts]
    reasons = reasons or [find_objection(rules, None)]
    return None if None in reasons else reasons[0]


def find_deployment_objection(rules: Iterable[str], deployment: Deployment) -> str | None:
    """Return why a deployment must not get the prompt, or None.

    The facts are about the provider's base URL in the catalogue, or in the operator's `cogo.toml`.
    If an environment variable sends calls elsewhere, nothing is known.
    """
    rules = tuple(rules)
    host = deployment.host
    if rules and not deployment.simulated:
        if host.local and find_other_host(deployment.base_url) is not None:
            return _say_elsewhere(rules[0], host)
        if not host.local and deployment.base_url.rstrip("/") != (host.base_url or "").rstrip("/"):
            return (
                f"the data policy is {rules[0]}, and the declarations of {host.name} do not"
                " apply to another address"
            )
    return find_objection(rules, host)


def find_chat_objection(rules: Sequence[str], deployment: Deployment) -> str | None:
    """Return why a deployment that writes text must not get the prompt, or None.

    Ollama passes some of these models on to its cloud, which it must deny first.
    """
    why = find_deployment_objection(rules, deployment)
    if why is not None or not rules or deployment.simulated:
        return why
    host = deployment.host
    is_unknown = host.local and may_pass_on(host.id, deployment.probed)
    return _say_unknown(rules[0], host) if is_unknown else None


def find_sending_objection(rules: Iterable[str], destination: str | None) -> str | None:
    """Return why a tool must not send what it gets to another machine (None: it does not)."""
    if destination is None or LOCAL_ONLY not in rules:
        return None
    return f"the data policy is {LOCAL_ONLY}, and it sends what it gets to {destination}"


def _find_server_objection(
    rules: Sequence[str], host: Provider, known: OpenModel | None
) -> str | None:
    if known is not None and host.local:
        if known.is_elsewhere:
            return _say_elsewhere(rules[0], host)
        if may_pass_on(host.id, known):
            return _say_unknown(rules[0], host)
    return find_objection(rules, host)


def _say_elsewhere(rule: str, host: Provider) -> str:
    return f"the data policy is {rule}, and {host.name} is not on this machine"


def _say_unknown(rule: str, host: Provider) -> str:
    return (
        f"the data policy is {rule}, and {host.name} has not said whether it passes the prompts "
        "for this model on to another machine"
    )


def _find_violation(rule: str, host: Provider | None) -> str | None:
    if host is None:
        return "its provider is unknown"
    facts = host.data_policy
    match rule:
        case "local-only":
            return None if host.local else "its data may not leave the machine"
        case "no-training":
            if host.local or facts.trains_on_data is False:
                return None
            return f"{host.name} {_describe_training(facts)}"
        case "hipaa":
            if host.local or "hipaa" in facts.agreements:
                return None
            return f"no signed agreement with {host.name} is declared{_describe_offer(host)}"
        case _:
            return _check_region("eu" if rule == "eu" else rule.removeprefix(_REGION), host)


def _check_region(wanted: str, host: Provider) -> str | None:
    allowed = _EU if wanted == "eu" else {wanted}
    regions = host.data_policy.regions
    if not regions:
        return f"{host.name} does not declare its regions"
    outside = [region for region in regions if region.casefold() not in allowed]
    return f"{host.name} also processes prompts in {', '.join(outside)}" if outside else None


def _describe_training(facts: DataPolicy) -> str:
    return "trains on prompts" if facts.trains_on_data else "does not declare whether it trains"


def _describe_offer(host: Provider) -> str:
    if "hipaa" not in host.data_policy.offers:
        return ""
    return f"; it offers one: once signed, set providers.{host.id}.data_policy.agreements"


def _build_error(value: object) -> PydanticCustomError:
    """Return a ValueError that, in a pydantic model, also carries the expected values."""
    rules = ", ".join(RULES)
    return PydanticCustomError(
        "data_policy",
        "{given} is not a data policy; use one of {expected}, or a list of them",
        {"given": repr(str(value)[:60]), "expected": rules},
    )
