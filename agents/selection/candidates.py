"""The candidates of a choice: every served model, its estimate, and any reason against it."""

from typing import NamedTuple

from agents.selection.constraints.hard import HARD, build_tests
from agents.selection.constraints.soft import SOFT
from agents.selection.evidence.estimates import Estimate
from agents.selection.model_profiles import ModelProfile, ProfileCache
from agents.selection.request import ResolvedRequest


class Candidate(NamedTuple):
    """A served model in one choice."""

    profile: ModelProfile
    estimate: Estimate
    refused: str | None = None
    """The reason of the hard constraint that excludes it, if any."""
    set_aside: str | None = None
    """The reason of the soft constraint that excludes it, if any."""

    @property
    def model_id(self) -> str:
        """The model's id, which is its lane."""
        return self.profile.model_id

    @property
    def price(self) -> float:
        """The expected dollars; infinite if no price is known."""
        return self.estimate.price


def list_candidates(resolved: ResolvedRequest, profiles: ProfileCache) -> dict[str, Candidate]:
    """Return a candidate for each served lane, in the order of their ids."""
    hard, soft = build_tests(HARD, resolved), build_tests(SOFT, resolved)
    served = [profiles.get(lane) for lane in sorted(set(resolved.request.served))]
    candidates = {}
    for profile, estimate in zip(served, resolved.estimate(served), strict=True):
        # As `find_reason` does, without its calls: most of the time of a choice passes here.
        refused = aside = None
        for test in hard:
            if (refused := test(profile, estimate)) is not None:
                break
        else:
            for test in soft:
                if (aside := test(profile, estimate)) is not None:
                    break
        candidates[profile.model_id] = Candidate(profile, estimate, refused, aside)
    return candidates
