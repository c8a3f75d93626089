"""Routes of the page and its files, which are static: all data comes from the API."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from gateway.problems import Problem

router = APIRouter(include_in_schema=False)

PAGE: Final = "index.html"
TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # thumbnails of attached images
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify",  # only what DOMPurify has cleaned can become markup
    )
)
HEADERS: Final = {
    "Cache-Control": "no-cache",  # revalidate: a gateway may be newer than the page
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    etag: str
    media_type: str


@router.get("/")
@router.get("/console")
async def show_page(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return the page."""
    return _build_response(FILES[PAGE], if_none_match)


@router.get("/console/{name:path}")
async def show_file(name: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return one of the page's files."""
    found = FILES.get(name)
    if found is None:
        raise Problem(404, "not_found", "the console has no such file")
    return _build_response(found, if_none_match)


def _build_response(file: _File, known: str | None) -> Response:
    headers = HEADERS | {"ETag": file.etag}
    if known is not None and file.etag in known:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


def _read_files() -> dict[str, _File]:
    found = {}
    folders = [("", files("gateway.console").joinpath("static"))]
    for prefix, folder in folders:
        for each in folder.iterdir():
            if each.is_dir():
                folders.append((f"{prefix}{each.name}/", each))
                continue
            content = each.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            media_type = TYPES[each.name.rpartition(".")[2]]
            found[f"{prefix}{each.name}"] = _File(content, etag, media_type)
    return found


FILES: Final = _read_files()
