"""Which header fields and statuses SQL may choose for a response."""

import re
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING: Final = frozenset({"connection", "content-length", "transfer-encoding"})


def is_header_field(name: str, value: str) -> bool:
    """Whether the field can be sent: no line break in it, and no say in how bodies are framed."""
    return (
        _NAME.fullmatch(name) is not None
        and _VALUE.fullmatch(value) is not None
        and name.lower() not in _FRAMING
    )


def is_final_status(status: int) -> bool:
    """Whether `status` can end an exchange."""
    return 200 <= status <= 599


def may_have_body(status: int) -> bool:
    """Whether a response of `status` may have a body."""
    return status not in {204, 304}
