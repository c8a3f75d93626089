"""One vendor's completions endpoint: key, request, fault, model, answer, in this order."""

from dataclasses import replace
from functools import partial
from typing import Final

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from simulator.faults import Alter, Fault, FaultDesk, FaultError, Refuse
from simulator.pacing import pace_of
from simulator.planned import compose
from simulator.request import Question
from simulator.request_log import Entry, Journal
from simulator.responder import Performance
from simulator.response import Reply
from simulator.formats.base import BadKeyError, RefusalError, Wire, dump, no_such_model

_KEY_HEADERS: Final = ("x-api-key", "x-goog-api-key", "x-portkey-api-key")


class Endpoint:
    """Answers POST requests on one wire."""

    def __init__(
        self,
        wire: Wire,
        *,
        desk: FaultDesk,
        journal: Journal,
        speed: float,
        keyless: bool = False,
        bad_key_status: int = 401,
    ) -> None:
        """`keyless`: a local server, which wants no key but refuses a wrong one."""
        self._wire = wire
        self._keyless = keyless
        self._bad_key_status = bad_key_status
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
        if fault and isinstance(fault.what, Alter):
            text = "" if fault.what.is_empty else draft.text
            draft = replace(draft, text=text, finish=fault.what.finish)
        pace = pace_of(question.model, seed=draft.seed, speed=self._speed)
        performance = Performance(self._wire, question, draft, pace, fault)
        return Reply(partial(performance.play, entry=entry), entry, self._journal)

    def listing(self, request: Request, models: JsonValue) -> Response:
        """Answer a request for the models; it is not in the journal."""
        try:
            self._check_key(request)
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
        self._check_key(request)
        path = {f"x-path-{name}": str(part) for name, part in request.path_params.items()}
        headers = {**request.headers, **path}
        question = self._wire.read(await request.body(), headers)
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

    def _check_key(self, request: Request) -> None:
        check_key(request, keyless=self._keyless, status=self._bad_key_status)


def check_key(request: Request, *, keyless: bool = False, status: int = 401) -> None:
    """Take any key in any header, except none and the word `invalid`. Raises BadKeyError."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    headers = (request.headers.get(name, "").strip() for name in _KEY_HEADERS)
    key = next(filter(None, headers), bearer)
    if not key and not keyless:
        raise BadKeyError(status, "No API key was sent; the simulator takes any but `invalid`.")
    if key == "invalid":
        raise BadKeyError(status, "API key not valid; the simulator takes any but `invalid`.")
