"""The simulator's own paths, below /_simulator: faults for the whole process, journal, health."""

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import FaultDesk, FaultError, Scheduled, parse_fault
from simulator.request import Vendor
from simulator.request_log import Journal
from simulator.formats.base import dump


class _ScheduledFault(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    vendor: Vendor | None = None
    model: str | None = None

    def parsed(self) -> Scheduled:
        return Scheduled(fault=parse_fault(self.spec), vendor=self.vendor, model=self.model)


class _Schedule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    faults: list[_ScheduledFault]


class Control:
    """What tests and benchmarks ask of the simulator itself."""

    def __init__(self, desk: FaultDesk, journal: Journal) -> None:
        self._desk = desk
        self._journal = journal

    def routes(self) -> list[Route]:
        """Return the routes, to be mounted."""
        return [
            Route("/faults", self._set_faults, methods=["POST"]),
            Route("/requests", self._list_requests),
            Route("/health", self._report_health),
        ]

    async def _set_faults(self, request: Request) -> Response:
        try:
            schedule = _Schedule.model_validate_json(await request.body())
            self._desk.schedule([item.parsed() for item in schedule.faults])
        except (FaultError, ValidationError) as error:
            return _json({"error": str(error)}, status=400)
        return _json(schedule.model_dump(mode="json"))

    async def _list_requests(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            return _json({"error": "after: expected the number of a request"}, status=400)
        return _json({"requests": list(self._journal.listing(after=int(after)))})

    async def _report_health(self, request: Request) -> Response:
        del request
        return _json({"status": "ok", "simulated": True})


def _json(value: JsonValue, *, status: int = 200) -> Response:
    return Response(dump(value), status, media_type="application/json")
