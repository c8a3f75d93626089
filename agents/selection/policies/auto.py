"""The policy `auto`, the default: the documented rules where one applies, else the near best.

The last documented rule, "anything else: the default model", becomes the choice by preference,
compared with the default model until another one is known to be better. A few tasks are trials.
"""

from agents.selection.policies.rules import apply_rules, find_rule, order_by_role
from agents.selection.policies.scored import explain_near_best
from agents.selection.policies.trials import allow_trial
from agents.selection.policy import Pick, PolicyInput


class Auto:
    """Picks as `rules` where a rule finds something, else near the default model."""

    def pick(self, given: PolicyInput) -> Pick:
        """Pick the model of the rule, or what the preference takes."""
        if not find_rule(given.needs, given.request.preferred_role).is_last:
            picked, reason = apply_rules(given)
            return Pick(order=order_by_role(given, picked), reason=reason)
        found = given.find_near_best(anchored=True)
        if not found.is_known and found.picked == given.default:
            picked, reason = apply_rules(given)
            reason += f" No model is known well enough at {given.needs.kind} yet to replace it."
            usual = Pick(order=order_by_role(given, picked), reason=reason)
        else:
            usual = Pick(order=given.order_within(found), reason=explain_near_best(given, found))
        return allow_trial(given, usual, found)
