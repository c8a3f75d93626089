"""Calls of the database's functions, with retries, and parsing of their rows."""

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
from protocol.json_values import explain_mistake, make_storable
from protocol.records import Claim, ClaimedSubtask, UnreadableSubtask
from protocol.records.base import LEAST_PAGE
from protocol.store.operator import HEADER, get_operator
from protocol.transport.error_mapping import map_api_error, map_network_error

_R = TypeVar("_R", bound=BaseModel)


class UnreadableAnswer(StoreUnavailable):
    """The answer is JSON that Python cannot parse: too deep, or with thousands of digits.

    A retry gets the same answer; a request for fewer rows may get the others.
    """


TRIES: Final = 4
"""Tries of one call, over about three seconds; after that the caller decides."""

PAGE: Final = 1000
"""The maximum rows that a project returns by default; its max-rows may be lower."""


class RpcClient:
    """Base of the stores. Every function is idempotent, so every call may be retried."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def _call(self, function: str, **parameters: JsonValue) -> Any:
        return await self._send(function, parameters, lambda query: query)

    async def _call_row(self, row: type[_R], function: str, **parameters: JsonValue) -> _R:
        answer = await self._call(function, **parameters)
        one = answer if isinstance(answer, list) else [answer]
        if len(one) != 1:
            raise _not_understood("", f"{len(one)} rows instead of one")
        return parse_rows(row, one)[0]

    async def _call_rows(self, row: type[_R], function: str, **parameters: JsonValue) -> list[_R]:
        return parse_rows(row, await self._call(function, **parameters))

    async def _call_pages(self, row: type[_R], function: str, **parameters: JsonValue) -> list[_R]:
        """Call a function that lists rows, and read all pages."""

        async def read(start: int) -> list[_R]:
            answer = await self._send(
                function, parameters, lambda query: query.range(start, start + PAGE - 1)
            )
            return parse_rows(row, answer)

        return await read_all_pages(read)

    async def _send(
        self,
        function: str,
        parameters: Mapping[str, JsonValue],
        narrow: Callable[[Any], Any],
    ) -> Any:
        """Call a function; `narrow` selects columns and rows of its result."""
        name = f"cogo_{function}"
        operator = get_operator()
        body = {f"p_{key}": make_storable(value, name=key) for key, value in parameters.items()}

        async def send() -> Any:
            query = narrow(self._client.rpc(name, body))
            if operator is not None:
                query.request.headers[HEADER] = operator.to_header()
            return require_json((await query.execute()).data, call=name)

        return await send_with_retries(send, call=name)


async def send_with_retries(send: Callable[[], Awaitable[Any]], *, call: str) -> Any:
    """Call `send`, with retries after StoreUnavailable. Raise only errors of `protocol.errors`."""
    failure: StoreUnavailable | None = None
    try:
        return await _send_once(send, call=call)
    except UnreadableAnswer:
        raise
    except StoreUnavailable as error:
        failure = error

    async def repeat() -> Any:
        nonlocal failure
        if failure is not None:  # the first try, which was made without the cost of this one
            error, failure = failure, None
            raise error
        return await _send_once(send, call=call)

    return await AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable)
        & retry_if_not_exception_type(UnreadableAnswer),
        wait=wait_random_exponential(multiplier=0.2, max=2),
        stop=stop_after_attempt(TRIES),
        reraise=True,
    )(repeat)


async def _send_once(send: Callable[[], Awaitable[Any]], *, call: str) -> Any:
    try:
        return await send()
    except APIError as error:
        raise map_api_error(error, call=call) from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise map_network_error(error, call=call) from error
    except RecursionError as error:
        raise _unreadable(call) from error
    except ValueError as error:
        if type(error) is ValueError:  # Python's own, for an integer of too many digits
            raise _unreadable(call) from error
        # The client parses bodies as UTF-8 JSON and does not catch decoding errors.
        raise StoreUnavailable(f"{call}: the answer was not JSON") from error


async def read_all_pages(read: Callable[[int], Awaitable[list[_R]]]) -> list[_R]:
    """Read a whole list; `read` returns the page that starts at an index."""
    found: list[_R] = []
    while True:
        page = await read(len(found))
        found += page
        if len(page) < LEAST_PAGE:
            return found


def require_json(data: Any, *, call: str) -> Any:
    """Return data that was JSON, or raise StoreUnavailable.

    The client returns other bodies, such as a proxy's page, as text.
    """
    if isinstance(data, str):
        if data.startswith(("[", "{")):
            raise _unreadable(call)
        raise StoreUnavailable(f"{call}: the answer was not JSON: {data[:80]!r}")
    return data


def parse_rows(row: type[_R], answer: Any) -> list[_R]:
    """Parse an answer into rows. Raise StoreUnavailable if it comes from another version."""
    try:
        return [row.model_validate(each) for each in _require_list(answer)]
    except ValidationError as error:
        raise _from_another_version(error) from error


def parse_claims(answer: Any) -> list[Claim]:
    """Parse leases one by one, so that an unreadable one does not affect the others."""
    return [_parse_claim(each) for each in _require_list(answer)]


def _parse_claim(row: Any) -> Claim:
    try:
        return ClaimedSubtask.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "missing" or not isinstance(row, dict):
            raise _from_another_version(error) from error
        # A path may be as deep as the unreadable value.
        field = ".".join(str(part)[:100] for part in first["loc"][:4]).removeprefix("task.")
        return parse_rows(
            UnreadableSubtask, [row | {"field": field, "problem": explain_mistake(first)}]
        )[0]


def _require_list(answer: Any) -> list[Any]:
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
        hint="it may be of another version: run `cogo migrate`",
    )
