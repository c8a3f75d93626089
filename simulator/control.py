"""The simulator's own paths, below /_simulator: faults for the process, request log, health."""

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.faults import FaultError, FaultRegistry, ScheduledFault, parse_fault
from simulator.formats.base import dump_json
from simulator.request import Vendor
from simulator.request_log import RequestLog


class _FaultEntry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    vendor: Vendor | None = None
    model: str | None = None

    def to_scheduled(self) -> ScheduledFault:
        return ScheduledFault(fault=parse_fault(self.spec), vendor=self.vendor, model=self.model)


class _Schedule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    faults: list[_FaultEntry]


class ControlRoutes:
    """Handlers that tests and benchmarks call to control the simulator."""

    def __init__(self, faults: FaultRegistry, request_log: RequestLog) -> None:
        self._faults = faults
        self._request_log = request_log

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
            self._faults.schedule([entry.to_scheduled() for entry in schedule.faults])
        except (FaultError, ValidationError) as error:
            return _json_response({"error": str(error)}, status=400)
        return _json_response(schedule.model_dump(mode="json"))

    async def _list_requests(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            return _json_response({"error": "after: expected the number of a request"}, status=400)
        return _json_response({"requests": list(self._request_log.list_after(int(after)))})

    async def _report_health(self, _request: Request) -> Response:
        return _json_response({"status": "ok", "simulated": True})


def _json_response(value: JsonValue, *, status: int = 200) -> Response:
    return Response(dump_json(value), status, media_type="application/json")
