"""Figures in the sentences that explain a choice."""

from agents.selection.policy import Option


def figures(option: Option) -> str:
    """Give what is expected of a model: `quality 0.82, about $0.0123, 16 s`."""
    outlook = option.estimate.outlook
    seen = f" from {outlook.observed} outcomes" if outlook.observed else ""
    return f"quality {outlook.quality:.2f}{seen}, {dollars(option)}, {outlook.total_s:.0f} s"


def dollars(option: Option) -> str:
    """Give the expected cost."""
    cost = option.estimate.cost_usd
    return "no known price" if cost is None else f"about ${cost:.4f}"
