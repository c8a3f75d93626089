"""The policies `cheapest` and `fastest`, which compare one number."""

from agents.selection.policy import Pick, PolicyInput


class Cheapest:
    """Picks the lowest expected cost, then the best quality."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order by expected cost; models without a known price come last."""
        order = sorted(
            given.options.values(),
            key=lambda each: (each.price, -each.estimate.quality, each.model_id),
        )
        first = order[0]
        if first.estimate.cost_usd is None:
            picked = given.default or first.model_id
            reason = f"No price is known, so the cheapest model is unknown; using {picked}."
            return Pick(order=given.put_first(picked), reason=reason)
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The cheapest eligible model ({first.estimate.describe()}).",
        )


class Fastest:
    """Picks the shortest expected total time, then time to first token, then the best quality."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order by expected time."""
        order = sorted(
            given.options.values(),
            key=lambda each: (
                each.estimate.forecast.total_s,
                each.estimate.forecast.first_token_s,
                -each.estimate.quality,
                each.model_id,
            ),
        )
        estimate = order[0].estimate
        is_measured = estimate.forecast.is_measured
        how = "measured" if is_measured else "by its category, without measurements"
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The fastest eligible model, {how} ({estimate.describe()}).",
        )
