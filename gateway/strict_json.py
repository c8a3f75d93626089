"""JSON bodies as people mean them: what is ambiguous or no JSON is refused in a sentence."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from gateway.problems import Problem


def read_json(text: bytes | str) -> Any:
    """Read a JSON text. Raises Problem (400) that says what is wrong, and where."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _invalid(f"it is no JSON: {error.msg} at character {error.pos}") from error
    except UnicodeDecodeError as error:
        raise _invalid(f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise _invalid("it is nested too deeply") from error
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise _invalid("it holds a number of too many digits") from error


class StrictRoute(APIRoute):
    """A route whose JSON body is read by `read_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of the route, called with a request that reads its body strictly."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid(f"it names {name[:100]!r} twice in one object")
        found[name] = value
    return found


def _no_number(name: str) -> float:
    raise _invalid(f"it holds {name}, which is no JSON number")


def _invalid(why: str) -> Problem:
    return Problem(400, "invalid_request", f"the body cannot be read: {why}", extra={"param": None})
