"""One call of the official client: sent, repeated while nobody answers, read as a type."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
from postgrest import APIError
from pydantic import BaseModel, JsonValue, ValidationError
from supabase import AsyncClient
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from protocol.errors import StoreUnavailable
from protocol.json_values import explain_mistake
from protocol.records import Claim, ClaimedSubtask, UnreadableSubtask
from protocol.transport.error_mapping import failure_of, unreachable
from protocol.transport.text import storable

_R = TypeVar("_R", bound=BaseModel)


class UnreadableAnswer(StoreUnavailable):
    """JSON that Python cannot read: nested too deeply, or a number of thousands of digits.

    To ask again gives the same; to ask for less at once may give the rest.
    """


TRIES: Final = 4
"""Within one call, over about three seconds; whoever calls decides what to do after that."""


PAGE: Final = 1000
"""The most rows that a project gives at once by default; its max-rows may be less."""

LEAST_PAGE: Final = 100
"""A shorter page is the last one: no project gives fewer rows than this at once."""


class Calls:
    """What reads and RPCs share. Everything is idempotent, so everything may be repeated."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def _rows(self, row: type[_R], function: str, **parameters: JsonValue) -> list[_R]:
        answer = await self._call(function, **parameters)
        return read_rows(row, answer)

    async def _every(self, row: type[_R], function: str, **parameters: JsonValue) -> list[_R]:
        """Call a function that lists, page by page, to the end of its rows."""

        async def read(start: int) -> list[_R]:
            answer = await self._send(
                function, parameters, lambda query: query.range(start, start + PAGE - 1)
            )
            return read_rows(row, answer)

        return await read_to_end(read)

    async def _row(self, row: type[_R], function: str, **parameters: JsonValue) -> _R:
        answer = await self._call(function, **parameters)
        one = answer if isinstance(answer, list) else [answer]
        if len(one) != 1:
            raise _not_understood("", f"{len(one)} rows instead of one")
        return read_rows(row, one)[0]

    async def _call(self, function: str, **parameters: JsonValue) -> Any:
        return await self._send(function, parameters, lambda query: query)

    async def _send(
        self,
        function: str,
        parameters: Mapping[str, JsonValue],
        narrow: Callable[[Any], Any],
    ) -> Any:
        """Call a function; `narrow` selects columns and rows of what it returns."""
        name = f"cogo_{function}"
        body = {f"p_{key}": storable(value, name=key) for key, value in parameters.items()}

        async def send() -> Any:
            query = narrow(self._client.rpc(name, body))
            return answered((await query.execute()).data, call=name)

        return await patiently(send, call=name)


async def patiently(send: Callable[[], Awaitable[Any]], *, call: str) -> Any:
    """Send, and again while nobody answers; raises the errors of this project only."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable)
        & retry_if_not_exception_type(UnreadableAnswer),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_attempt(TRIES),
        reraise=True,
    ):
        with attempt:
            try:
                return await send()
            except APIError as error:
                raise failure_of(error, call=call) from error
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise unreachable(error, call=call) from error
            except RecursionError as error:
                raise _unreadable(call) from error
            except ValueError as error:
                if type(error) is ValueError:  # Python's own, for an integer of too many digits
                    raise _unreadable(call) from error
                # The client reads bodies as JSON in UTF-8 and lets what it meets pass through.
                raise StoreUnavailable(f"{call}: the answer was not JSON") from error
    raise AssertionError("tenacity either returns or raises")


async def read_to_end(read: Callable[[int], Awaitable[list[_R]]]) -> list[_R]:
    """Read all rows of a list, page by page; `read` gives those from a place on."""
    found: list[_R] = []
    while True:
        page = await read(len(found))
        found += page
        if len(page) < LEAST_PAGE:
            return found


def answered(data: Any, *, call: str) -> Any:
    """Refuse text: the client gives it for a body that is no JSON, such as a proxy's page."""
    if isinstance(data, str):
        if data.startswith(("[", "{")):
            raise _unreadable(call)
        raise StoreUnavailable(f"{call}: the answer was not JSON: {data[:80]!r}")
    return data


def read_rows(row: type[_R], answer: Any) -> list[_R]:
    """Read an answer as rows; what cannot be read comes from another version."""
    try:
        return [row.model_validate(each) for each in _list(answer)]
    except ValidationError as error:
        raise _from_another_version(error) from error


def read_claims(answer: Any) -> list[Claim]:
    """Read leases one by one, so that one that nobody can work on takes no other with it."""
    return [_read_claim(each) for each in _list(answer)]


def _read_claim(row: Any) -> Claim:
    try:
        return ClaimedSubtask.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "missing" or not isinstance(row, dict):
            raise _from_another_version(error) from error
        # A path may be as deep as the value that nobody can read.
        field = ".".join(str(part)[:100] for part in first["loc"][:4]).removeprefix("task.")
        return read_rows(
            UnreadableSubtask, [row | {"field": field, "problem": explain_mistake(first)}]
        )[0]


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise _not_understood("", "it is not a list of rows")
    return answer


def _from_another_version(error: ValidationError) -> StoreUnavailable:
    first = error.errors(include_url=False, include_input=False)[0]
    return _not_understood(f" at {'.'.join(map(str, first['loc']))}", first["msg"])


def _unreadable(call: str) -> UnreadableAnswer:
    return UnreadableAnswer(
        f"{call}: the answer holds JSON that cannot be read: it is nested too deeply, or a number "
        "has thousands of digits"
    )


def _not_understood(where: str, what: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the database's answer is not understood{where}: {what}",
        hint="is it of another version? run `cogo migrate`",
    )
