"""The simulator's log of requests, read while a run lasts: it keeps only the latest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

_PATH: Final = "/_simulator/requests"


@dataclass(slots=True)
class VendorLog:
    """All requests that the simulator at `url` has seen, if it is read often enough."""

    url: str
    _models: dict[int, str] = field(default_factory=dict)
    """By the number of the request."""
    _settled: int = 0
    """Up to this number no entry changes its model any more."""

    @property
    def models(self) -> list[str]:
        """Return the vendors' names of the models that were asked, as often as they were.

        The name is empty for a request whose body had not arrived when the log was last read.
        """
        return list(self._models.values())

    async def read(self) -> None:
        """Add the requests since the last time, and the models that were not known then."""
        async with httpx.AsyncClient(base_url=self.url) as simulator:
            found = await simulator.get(_PATH, params={"after": self._settled})
        self.add(found.raise_for_status().json()["requests"])

    def add(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Add entries of the log, oldest first.

        A request is in the log from the arrival of its headers, its model from that of its body:
        one without a model is read again until it has ended.
        """
        if not requests:
            return
        first = requests[0]["number"]
        if first > self._settled + 1:
            raise AssertionError(
                f"the simulator's log begins at request {first}, and was read up to "
                f"{self._settled}: read it more often"
            )
        self._models |= {each["number"]: each["model"] for each in requests}
        unsettled = [each for each in requests if not (each["model"] or each["ended_at"])]
        self._settled = unsettled[0]["number"] - 1 if unsettled else requests[-1]["number"]
