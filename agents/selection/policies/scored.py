"""The policy `scored`: the cheapest model that is near the best known one for this kind of work."""

from agents.selection.evidence.near_best import NearBest
from agents.selection.policies.trials import allow_trial
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference


class Scored:
    """Picks by the preference among the models whose expected quality is near the best known.

    `quality` tolerates no loss, `cost` more than `balanced`, and `speed` takes the fastest of them
    instead of the cheapest.
    """

    def pick(self, given: PolicyInput) -> Pick:
        """Pick what the preference takes."""
        found = given.near_best
        usual = Pick(order=given.by_preference, reason=explain_near_best(given, found))
        return allow_trial(given, usual, found)


def explain_near_best(given: PolicyInput, found: NearBest) -> str:
    """Return the sentence that says why a model was picked, with the numbers that decided."""
    kind, picked = given.needs.kind, given.estimates[found.picked]
    numbers = picked.describe()
    if not found.is_known:
        role = "the default model" if found.best == given.default else "the likeliest model"
        return f"No model is known well enough at {kind} yet, so {role} is used ({numbers})."
    points = f"{round(found.tolerance * 100, 2):g} points"
    best_known, dear = "default model" if found.ahead else "best known model", ""
    if found.too_dear:
        best_known += "" if found.ahead else " worth its price"
        dear = f"; {found.too_dear} is better, but not enough for its price"
    if found.picked == found.best:
        others = "no other model" if found.tolerance == 0 else f"no model within {points} of it"
        cheaper = "faster" if given.preference is Preference.SPEED else "cheaper"
        if found.ahead:
            return (
                f"The default model ({numbers}): no other is known to be better at {kind}, and "
                f"{others} is {cheaper}{dear}."
            )
        return f"The {best_known} at {kind} ({numbers}); {others} is {cheaper}{dear}."
    best = given.estimates[found.best]
    least = "fastest" if given.preference is Preference.SPEED else "cheapest"
    near = "as good as" if found.tolerance == 0 else f"within {points} of"
    return (
        f"The {least} model that is expected to be {near} the {best_known} at {kind} ({numbers}); "
        f"that is {found.best} ({best.describe()}){dear}."
    )
