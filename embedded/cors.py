"""Cross-origin headers as a hosted project's gateway sends them: any origin, no cookies."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EXPOSED: Final = (
    "Content-Range, Location, Preference-Applied, Proxy-Status, WWW-Authenticate, "
    "X-Supabase-Api-Version, X-Total-Count, Link"
)
_METHODS: Final = "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS"
_PREFLIGHT_SECONDS: Final = "3600"


class CorsMiddleware:
    """Answers preflights and adds headers to responses; access is decided by keys alone.

    Unlike Starlette's it adds them without an Origin header too, and allows any method and header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "access-control-request-method" in headers:
                await _answer_preflight(headers, send)
                return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Access-Control-Allow-Origin"] = "*"
                answer["Access-Control-Expose-Headers"] = _EXPOSED
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _answer_preflight(headers: Headers, send: Send) -> None:
    answer = MutableHeaders(
        {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": _METHODS,
            # Clients keep adding headers, for tracing or retries.
            "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "*"),
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            "Vary": "Access-Control-Request-Headers",
            "Content-Length": "0",
        }
    )
    await send({"type": "http.response.start", "status": 200, "headers": answer.raw})
    await send({"type": "http.response.body", "body": b""})
