"""One vendor's completions endpoint: key, request, fault, model, answer, in this order."""

from functools import partial

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from embedded.vendors.draft import compose
from embedded.vendors.fault import Fault, FaultDesk, FaultError, Refuse
from embedded.vendors.journal import Entry, Journal
from embedded.vendors.pace import pace_of
from embedded.vendors.performance import Performance
from embedded.vendors.question import Question
from embedded.vendors.reply import Reply
from embedded.vendors.wire import RefusalError, Wire, dump, no_such_model


class Endpoint:
    """Answers POST requests on one wire."""

    def __init__(self, wire: Wire, *, desk: FaultDesk, journal: Journal, speed: float) -> None:
        self._wire = wire
        self._desk = desk
        self._journal = journal
        self._speed = speed

    async def answer(self, request: Request) -> Response:
        """Answer a request for a completion."""
        entry = self._journal.open(self._wire.vendor)
        try:
            question, fault = await self._admit(request, entry)
        except RefusalError as refused:
            entry.status = refused.status
            self._journal.close(entry)
            return self._refuse(refused, entry.number)
        draft = compose(question, number=entry.number)
        pace = pace_of(question.model, seed=draft.seed, speed=self._speed)
        performance = Performance(self._wire, question, draft, pace, fault)
        return Reply(partial(performance.play, entry=entry), entry, self._journal)

    def listing(self, request: Request, models: JsonValue) -> Response:
        """Answer a request for the models; it is not in the journal."""
        try:
            _check_key(request)
        except RefusalError as refused:
            return self._refuse(refused, 0)
        return Response(dump(models), media_type="application/json")

    def _refuse(self, refused: RefusalError, number: int) -> Response:
        request_id = f"req_sim{number:06d}"
        headers = {self._wire.request_id_header: request_id}
        if refused.retry_after is not None:
            headers["retry-after"] = refused.retry_after
        body = dump(self._wire.refusal(refused, request_id=request_id))
        return Response(body, refused.status, headers, media_type="application/json")

    async def _admit(self, request: Request, entry: Entry) -> tuple[Question, Fault | None]:
        _check_key(request)
        question = self._wire.read(await request.body(), request.headers)
        entry.describe(question)
        try:
            fault = self._desk.take(question, request.headers)
        except FaultError as error:
            raise RefusalError(400, str(error)) from error
        entry.fault = fault.spec if fault else None
        if fault and isinstance(fault.what, Refuse):
            message = f"Simulated {fault.what.status}, as was asked for by {fault.spec!r}."
            raise RefusalError(fault.what.status, message, retry_after=fault.what.retry_after)
        if no_such_model(question.model):
            raise RefusalError(404, f"The model `{question.model}` does not exist.")
        return question, fault


def _check_key(request: Request) -> None:
    """Take any key in either header, except none and the word `invalid`. Raises RefusalError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    key = request.headers.get("x-api-key", "").strip() or bearer
    if not key:
        raise RefusalError(401, "No API key was sent; the simulator takes any but `invalid`.")
    if key == "invalid":
        raise RefusalError(401, "The API key is not valid; the simulator takes any but `invalid`.")
