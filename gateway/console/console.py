"""Routes of the page and its files, which are static: all data comes from the API."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Header, Response

from gateway.problems import Problem

router = APIRouter(include_in_schema=False)

PAGE: Final = "index.html"
ENTRY: Final = "app.js"
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
    contents = {}
    folders = [("", files("gateway.console").joinpath("static"))]
    for prefix, folder in folders:
        for each in folder.iterdir():
            if each.is_dir():
                folders.append((f"{prefix}{each.name}/", each))
            else:
                contents[f"{prefix}{each.name}"] = each.read_bytes()
    contents[PAGE] = _add_preloads(contents)
    return {name: _build_file(name, content) for name, content in contents.items()}


def _build_file(name: str, content: bytes) -> _File:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return _File(content, etag, TYPES[name.rpartition(".")[2]])


def _add_preloads(contents: Mapping[str, bytes]) -> bytes:
    """Return the page with links to all modules that it imports, which are then loaded at once.

    A browser finds the imports of a module when it has read it: level by level.
    """
    found = [ENTRY]
    for name in found:
        named = re.findall(
            r'^import .* from "/console/([\w/]+\.js)";', contents[name].decode(), re.M
        )
        found += [each for each in dict.fromkeys(named) if each not in found]
    links = "".join(f'<link rel="modulepreload" href="/console/{each}">' for each in found[1:])
    return contents[PAGE].replace(b"</head>", links.encode() + b"</head>")


FILES: Final = _read_files()
