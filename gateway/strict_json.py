"""Strict parsing of JSON bodies: ambiguous or invalid JSON is refused with an explanation."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from gateway.problems import Problem


def read_strict_json(text: bytes | str) -> Any:
    """Parse JSON. Raise Problem (400) that says what is wrong, and where."""
    try:
        return json.loads(text, object_pairs_hook=_build_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _build_problem(f"it is not JSON: {error.msg} at character {error.pos}") from error
    except UnicodeDecodeError as error:
        raise _build_problem(f"it is not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise _build_problem("it is nested too deeply") from error
    except ValueError as error:  # Python parses no integer of more than 4,300 digits
        raise _build_problem("it has a number with too many digits") from error


class StrictRoute(APIRoute):
    """A route whose JSON body is parsed by `read_strict_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that parses the body strictly."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_strict_json(await self.body())


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _build_problem(f"it names {name[:100]!r} twice in one object")
        found[name] = value
    return found


def _refuse_constant(name: str) -> float:
    raise _build_problem(f"it has {name}, which is not a JSON number")


def _build_problem(why: str) -> Problem:
    return Problem(400, "invalid_request", f"the body cannot be read: {why}", extra={"param": None})
