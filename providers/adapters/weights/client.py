"""HTTP clients for downloads and for the servers that keep models, and their error."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx2

from providers.adapters.base import LOOPBACK_MOUNTS
from providers.adapters.http.body_limits import build_body_limit_hooks, limit_body
from providers.adapters.http.tls import get_ssl_context
from providers.errors import ProviderError
from providers.secrets import Redactor

_CONNECT: Final = timedelta(seconds=15)
_SILENCE: Final = timedelta(seconds=60)
"""How long a server may send nothing before the connection counts as cut."""
_REDIRECTS: Final = 5
_LONGEST_ANSWER: Final = 1_000_000
_LONGEST_LINE: Final = 64 * 1024
_REDACTOR: Final = Redactor(places=True)


class WeightsUnavailable(ProviderError):
    """Weights could not be had; the message says what to do."""

    code = "weights_unavailable"

    def __init__(self, message: str, *, status: int | None = None, is_cut: bool = False) -> None:
        super().__init__(_REDACTOR.redact(message))
        self.status = status
        self.is_cut = is_cut
        """Whether the connection was cut: what arrived can be kept, and the rest asked for."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """PullProgress of a download that a server makes itself."""

    status: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptModel:
    """A model that a server of the operator keeps on its disk."""

    name: str
    size: int | None = None
    digest: str | None = None
    """Changes with the content."""
    quantization: str | None = None
    loaded: bool | None = None


@asynccontextmanager
async def open_http(
    *, is_download: bool = False, follows_redirects: bool = False
) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a client. Answers are bounded, except for downloads, whose reader bounds them.

    Redirects are refused: a server of the operator has none, and could send requests elsewhere.
    With `follows_redirects`, or for downloads, they are followed as hubs need it.
    """
    limits = {} if is_download else build_body_limit_hooks(httpx2.AsyncByteStream)
    async with httpx2.AsyncClient(
        timeout=httpx2.Timeout(_SILENCE.total_seconds(), connect=_CONNECT.total_seconds()),
        follow_redirects=is_download or follows_redirects,
        max_redirects=_REDIRECTS,
        verify=get_ssl_context(),
        event_hooks=limits,
        mounts=LOOPBACK_MOUNTS,
    ) as http:
        yield http


@contextmanager
def explain_errors(where: str) -> Iterator[None]:
    """Raise WeightsUnavailable instead of errors of the connection."""
    try:
        yield
    except httpx2.TooManyRedirects as error:
        raise WeightsUnavailable(f"{where} redirects without end") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
        raise WeightsUnavailable(f"{where} is not an address: {error}") from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        reason = f"{where} cannot be reached: {str(error) or type(error).__name__}"
        raise WeightsUnavailable(reason, is_cut=True) from error
    except httpx2.HTTPError as error:
        reason = f"{where} stopped sending: {str(error) or type(error).__name__}"
        raise WeightsUnavailable(reason, is_cut=True) from error


def refuse_status(response: httpx2.Response, where: str, *, hint: str = "") -> None:
    """Raise WeightsUnavailable unless the status is a success."""
    if response.is_success:
        return
    status = response.status_code
    if response.is_redirect:
        raise WeightsUnavailable(
            f"{where} redirects to another address, which is not followed (HTTP {status}): set "
            "its base URL to that address if it is right",
            status=status,
        )
    reason = {401: "refuses access", 403: "refuses access", 404: "does not have it"}.get(status)
    again = status == 429 or status >= 500
    said = reason or ("is overloaded" if again else "refuses the request")
    raise WeightsUnavailable(
        f"{where} {said} (HTTP {status}){hint and f': {hint}'}", status=status, is_cut=again
    )


async def ask_json(
    http: httpx2.AsyncClient, method: str, url: str, *, body: Any = None, where: str
) -> Any:
    """Send a request to a server of the operator and return the JSON of its answer.

    Raises WeightsUnavailable, with what the server says.
    """
    with explain_errors(where):
        response = await http.request(
            method, url, json=body, extensions=limit_body(_LONGEST_ANSWER)
        )
        try:
            answer = response.json() if response.content else {}
        except (ValueError, RecursionError) as error:
            refuse_status(response, where)
            raise WeightsUnavailable(f"{where} answers with something else than JSON") from error
    refuse_status(response, where, hint=find_error(answer) or "")
    return answer


def find_error(answer: Any) -> str | None:
    """Return what an answer says went wrong, or None."""
    said = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(said, dict):
        said = said.get("message")
    return said[:500] if isinstance(said, str) and said else None


async def iter_json_lines(response: httpx2.Response, where: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the objects of a stream with one JSON object a line. Raises WeightsUnavailable."""
    pending = b""
    async for chunk in response.aiter_bytes():
        *lines, pending = (pending + chunk).split(b"\n")
        if len(pending) > _LONGEST_LINE:
            raise WeightsUnavailable(f"{where} sends a line without end")
        for line in lines:
            if parsed := _parse_line(line, where):
                yield parsed
    if parsed := _parse_line(pending, where):
        yield parsed


def _parse_line(line: bytes, where: str) -> dict[str, Any] | None:
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WeightsUnavailable(f"{where} answers with something else than JSON") from error
    return value if isinstance(value, dict) else None


def read_objects(answer: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an answer; whatever else it has is left out."""
    rows = answer.get(name) if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def read_count(value: Any) -> int | None:
    """Return a number of bytes, or None if it is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if is_count else None


def read_short_text(value: Any) -> str | None:
    """Return a short text, or None if it is none."""
    return value if isinstance(value, str) and 0 < len(value) <= 300 else None
