"""The policies, by name. Another way to choose is one small class, named here."""

from collections.abc import Mapping
from typing import Final

from agents.selection.policies.cascade import Cascade
from agents.selection.policies.cheapest_fastest import Cheapest, Fastest
from agents.selection.policies.ensemble import Ensemble
from agents.selection.policies.explore import Explore
from agents.selection.policies.rules import Rules
from agents.selection.policies.scored import Scored
from agents.selection.policy import Policy
from protocol.records.models import PolicyName

POLICIES: Final[Mapping[PolicyName, Policy]] = {
    PolicyName.RULES: Rules(),
    PolicyName.SCORED: Scored(),
    PolicyName.CHEAPEST: Cheapest(),
    PolicyName.FASTEST: Fastest(),
    PolicyName.CASCADE: Cascade(),
    PolicyName.EXPLORE: Explore(),
    PolicyName.ENSEMBLE: Ensemble(),
}
