"""The policy `rules`: the documented rules. The first one that applies decides.

1. specialised coding            -> the role `coding` (Fireworks)
2. performance is needed         -> the role `coding` (Fireworks)
3. high complexity and accuracy  -> the role `default` (Claude)
4. anything else                 -> the role `default` (Claude)
"""

from dataclasses import dataclass

from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference
from agents.selection.requirements import Requirements

CODING = "coding"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """The role that a rule selects, and the reason."""

    role: str
    because: str
    is_last: bool = False
    """Whether it applies because no other one does."""


def find_rule(needs: Requirements, preferred_role: str | None = None) -> Rule:
    """Return the first rule that applies; the role of a workflow's step precedes all."""
    if preferred_role is not None:
        return Rule(preferred_role, "the workflow's step has a role of its own")
    if needs.task_type == "specialized-coding":
        return Rule(CODING, "the task is specialised coding")
    if needs.performance_needed:
        return Rule(CODING, "performance is needed")
    if needs.complexity == "high" and needs.accuracy_needed:
        return Rule(DEFAULT, "the task is complex and needs accuracy")
    return Rule(DEFAULT, "the task has no special requirements, so the default applies", True)


def list_roles(needs: Requirements, preferred_role: str | None = None) -> list[str]:
    """Return the roles in order of preference, that of the rule first."""
    first = find_rule(needs, preferred_role).role
    return [first, *(role for role in (DEFAULT, CODING, "fast", "reasoning") if role != first)]


class Rules:
    """A preference but `local` matters only if none of the roles is served."""

    def pick(self, given: PolicyInput) -> Pick:
        """Pick the model of the rule, else that of another role, else what the preference takes."""
        picked, reason = apply_rules(given)
        has_effect = given.preference in {Preference.BALANCED, Preference.LOCAL}
        if not has_effect and picked in given.documented:
            reason += (
                f" The preference {given.preference.value} has no effect under the policy rules;"
                " use the policy auto or scored to apply it."
            )
        return Pick(order=order_by_role(given, picked), reason=reason)


def order_by_role(given: PolicyInput, picked: str) -> tuple[str, ...]:
    """Return all options: the picked one, then those of the roles, then by the preference."""
    return given.put_first(picked, [id_ for id_ in given.documented if id_ in given.options])


def apply_rules(given: PolicyInput) -> tuple[str, str]:
    """Return the model of the rule that applies, else that of another role, and why."""
    rule = find_rule(given.needs, given.request.preferred_role)
    rule_ids = given.roles.get(rule.role, ())
    because = rule.because[0].upper() + rule.because[1:]
    for id_ in rule_ids:
        if id_ in given.options:
            return id_, f"{because}: the {rule.role} model."
    missing = _explain_missing(rule.role, rule_ids, given)
    for role, ids in given.roles.items():
        for id_ in ids:
            if id_ in given.options:
                return id_, f"{because}, but {missing}; using the {role} model instead."
    id_ = given.near_best.picked
    return id_, (
        f"{because}, but no model of the catalogue's roles is eligible; "
        f"of the others {id_} is used ({given.estimates[id_].describe()})."
    )


def _explain_missing(role: str, rule_ids: tuple[str, ...], given: PolicyInput) -> str:
    if not rule_ids:
        return f"the catalogue has no {role} model"
    candidate = given.candidates.get(rule_ids[0])
    why = candidate and (candidate.refused or candidate.set_aside)
    problem = f"is not eligible ({why})" if why else "is not served"
    return f"the {role} model {rule_ids[0]} {problem}"
