"""`cheapest` and `fastest`: one number decides."""

from agents.selection.policies.formatting import figures
from agents.selection.policy import Pick, PolicyInput


class Cheapest:
    """The least expected cost; among equals the better quality."""

    def pick(self, case: PolicyInput) -> Pick:
        """Order by expected cost; what has no known price comes last."""
        order = sorted(
            case.options.values(),
            key=lambda each: (each.price, -each.estimate.quality, each.model_id),
        )
        first = order[0]
        if first.estimate.cost_usd is None:
            picked = case.default or first.model_id
            reason = (
                f"No price is known here, so which is cheapest cannot be told; {picked} stands."
            )
            return Pick(order=case.first(picked), reason=reason)
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The cheapest that may be taken ({figures(first)}).",
        )


class Fastest:
    """The least expected time to the end; among equals to the first token, then the better one."""

    def pick(self, case: PolicyInput) -> Pick:
        """Order by expected time."""
        order = sorted(
            case.options.values(),
            key=lambda each: (
                each.estimate.outlook.total_s,
                each.estimate.outlook.first_token_s,
                -each.estimate.quality,
                each.model_id,
            ),
        )
        first = order[0]
        how = (
            "measured"
            if first.estimate.outlook.is_measured
            else "by its category, nothing was measured"
        )
        return Pick(
            order=tuple(each.model_id for each in order),
            reason=f"The fastest that may be taken, {how} ({figures(first)}).",
        )
