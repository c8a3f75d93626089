"""`rules`: the documented rules, exactly."""

from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference
from agents.selection.rules import find_rule


class Rules:
    """The default policy. A preference only decides where no role of the rules is served."""

    def pick(self, case: PolicyInput) -> Pick:
        """Take the rule's model, else that of another role, else the best of what is served."""
        picked, reason = self._decide(case)
        if case.preference != Preference.BALANCED and picked in case.documented:
            reason += (
                f" The preference {case.preference.value} changes nothing under the policy rules;"
                " the policy scored weighs it."
            )
        named = [id_ for id_ in case.documented if id_ in case.options]
        return Pick(order=case.first(picked, named), reason=reason)

    def _decide(self, case: PolicyInput) -> tuple[str, str]:
        rule = find_rule(case.needs)
        wanted = case.roles.get(rule.role, ())
        because = rule.because[0].upper() + rule.because[1:]
        for id_ in wanted:
            if id_ in case.options:
                return id_, f"{because}: the {rule.role} model."
        missed = _missed(rule.role, wanted, case)
        for role, ids in case.roles.items():
            for id_ in ids:
                if id_ in case.options:
                    return id_, f"{because}, but {missed}; the {role} model stands in."
        id_ = case.by_score[0]
        return id_, (
            f"{because}, but none of the catalogue's roles may be taken here; "
            f"{id_} is the best of what is."
        )


def _missed(role: str, wanted: tuple[str, ...], case: PolicyInput) -> str:
    if not wanted:
        return f"the catalogue has no {role} model"
    why = case.refused.get(wanted[0])
    said = "is not served here" if why is None else f"is not eligible ({why})"
    return f"the {role} model {wanted[0]} {said}"
