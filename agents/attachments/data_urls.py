"""URLs that hold their content (RFC 2397)."""

import base64
import binascii
import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

_FORM: Final = re.compile(r"data:(?P<type>[^,;]*)(?P<parameters>(?:;[^,;]*)*),", re.IGNORECASE)
_DEFAULT: Final = "text/plain"


def read_data_url(url: str) -> tuple[str, bytes]:
    """Return the type that a data URL declares, and its content. Raises ValueError."""
    found = _FORM.match(url)
    if found is None:
        raise ValueError("it is no data URL: data:image/png;base64,...")
    body = url[found.end() :]
    media_type = found["type"].strip() or _DEFAULT
    if not found["parameters"].lower().endswith(";base64"):
        return media_type, unquote_to_bytes(body)
    try:
        encoded = body.encode("ascii") if "%" not in body else unquote_to_bytes(body)
        return media_type, base64.b64decode(encoded, validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("its content is no base64") from error


def write_data_url(media_type: str, content: bytes) -> str:
    """Return a content as a data URL."""
    return f"data:{quote(media_type, safe='/+.-')};base64,{base64.b64encode(content).decode()}"
