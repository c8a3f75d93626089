"""The application: routes, error handlers and middleware."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.console import console, session
from gateway.dependencies import GatewayServices
from gateway.links import routes as links
from gateway.mcp_endpoint import PATH, McpEndpoint
from gateway.metrics import GatewayMetrics
from gateway.middleware import EdgeMiddleware
from gateway.options import GatewayOptions
from gateway.problems import Problem, build_problem_response, to_problem
from gateway.routes import (
    code_generation,
    columns,
    fleet,
    health,
    memory,
    models,
    sessions,
    swarm,
    swarm_socket,
)
from gateway.routes.openai import chat, embeddings, responses
from gateway.routes.operate import (
    budgets,
    dead_letters,
    grants,
    keys,
    limits,
    model_report,
    projects,
    spending,
)
from gateway.routes.operate import models as model_controls
from gateway.routes.tasks import events, lists, task, waits
from gateway.usage import routes as usage
from protocol.errors import CogoError
from protocol.json_values import explain_mistake

_MODULES: Final = (
    health,
    links,
    waits,
    lists,
    task,  # after these: GET /tasks/{task_id} and POST /tasks/{task_id}/{action} match their paths
    events,
    fleet,
    spending,
    projects,
    limits,
    model_controls,
    budgets,
    dead_letters,
    keys,
    grants,
    usage,
    columns,
    memory,
    sessions,
    swarm,
    swarm_socket,
    model_report,
    models,
    code_generation,
    chat,
    embeddings,
    responses,
    session,
    console,
)
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
_TYPES: Final = frozenset({"str", "int", "float", "bool"})
_EXPOSED: Final = (
    "Location",
    "OpenAI-Processing-Ms",
    "Retry-After",
    "X-Cogo-Gateway",
    "X-Cogo-Ignored",
    "X-Cogo-Task",
    "X-RateLimit-Limit-Requests",
    "X-RateLimit-Remaining-Requests",
    "X-RateLimit-Reset-Requests",
    "X-Request-Id",
    "X-Should-Retry",
)
_ABOUT: Final = (
    "Submit tasks and watch them run. Every request for work becomes a task in Postgres, and "
    "everything that this gateway returns can be read there too. Errors are problem+json (RFC "
    "9457) with a `code` and a `hint`; below `/v1` they have OpenAI's format, "
    "below `/api` the envelope `{success, error}`."
)

OpenServices = Callable[[], AbstractAsyncContextManager[GatewayServices]]


def create_app(
    open_services: OpenServices, options: GatewayOptions, metrics: GatewayMetrics
) -> EdgeMiddleware:
    """Build the application. Its services are opened when it starts."""
    mcp = McpEndpoint(body_bytes=options.body_bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services() as services, mcp.running():
            app.state.services = services
            yield

    app = FastAPI(
        title="COGO",
        version=version("cogo"),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from a CDN
        redoc_url=None,
    )
    for each in _MODULES:
        app.include_router(each.router)
    app.include_router(links.pages)
    app.router.routes.append(Route(PATH, mcp))
    for kind in (Exception, CogoError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _handle_error)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=options.cors_origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
    )
    return EdgeMiddleware(app, options=options, metrics=metrics)


def _handle_error(request: Request, error: Exception) -> Response:
    return build_problem_response(_map_error(error), request.url.path)


def _map_error(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case CogoError():
            return to_problem(error)
        case HTTPException():
            code = _CODES.get(error.status_code, "refused")
            return Problem(error.status_code, code, str(error.detail), headers=error.headers)
        case RequestValidationError():
            return _map_validation_error(error)
    return Problem(500, "defect", "an unexpected error occurred; the gateway's log has the details")


def _map_validation_error(error: RequestValidationError) -> Problem:
    found: dict[str, list[str]] = {}
    for each in error.errors():
        field = ".".join(str(part) for part in each["loc"][1:] if not _is_type(part)) or "body"
        message = _describe(each)
        if message not in found.setdefault(field, []):
            found[field].append(message)
    # Of the alternatives that a value may be, the one in which it went furthest explains most.
    first = max(found, key=lambda field: field.count("."))
    return Problem(
        400,
        "invalid_request",
        f"{first}: {', or '.join(found[first])}",
        extra={
            "errors": [
                {"field": field, "message": message}
                for field, messages in found.items()
                for message in messages
            ],
            "param": first,
        },
    )


def _is_type(part: int | str) -> bool:
    """Return whether part of a place names an alternative of the schema, not of the body."""
    return isinstance(part, str) and (part in _TYPES or "[" in part)


def _describe(error: Mapping[str, Any]) -> str:
    if error["loc"] == ("body",):
        return "the body must be a JSON object, sent with Content-Type: application/json"
    return explain_mistake(error)
