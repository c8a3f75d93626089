"""The policies `cheapest` and `fastest`: one number decides."""

from agents.selection.policy import Pick, PolicyInput


class Cheapest:
    """The lowest expected cost; of equal ones the best quality."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order by expected cost; models without a known price come last."""
        order = sorted(
            given.options.values(),
            key=lambda each: (each.price, -each.estimate.quality, each.model_id),
        )
        first = order[0]
        if first.estimate.cost_usd is None:
            picked = given.default or first.model_id
            reason = (
                f"No price is known here, so which is cheapest cannot be told; {picked} stands."
            )
            return Pick(order=given.put_first(picked), reason=reason)
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The cheapest that may be taken ({first.estimate.describe()}).",
        )


class Fastest:
    """The shortest expected time to the end, then to the first token, then the best quality."""

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
        how = "measured" if is_measured else "by its category, nothing was measured"
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The fastest that may be taken, {how} ({estimate.describe()}).",
        )
