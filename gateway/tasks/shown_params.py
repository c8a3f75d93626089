"""Params of steps as the gateway shows them. Pure."""

import re
from typing import Any, Final

_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w.+=-]+)*,", re.IGNORECASE)
_MOST: Final = 200


def cut_data_urls(value: Any) -> Any:
    """Return JSON with the content of each long data URL replaced by its size.

    Each step of a task repeats the files that it was given; the task itself has them in full.
    """
    if isinstance(value, dict):
        return {name: cut_data_urls(each) for name, each in value.items()}
    if isinstance(value, list):
        return [cut_data_urls(each) for each in value]
    if not isinstance(value, str) or len(value) <= _MOST:
        return value
    found = _DATA_URL.match(value)
    if found is None:
        return value
    is_base64 = found[0].lower().endswith(";base64,")
    body = len(value.rstrip("=") if is_base64 else value) - found.end()
    return f"{found[0]}... ({body * 3 // 4 if is_base64 else body} bytes)"
