"""JSON that somebody else wrote: it is read, or refused with a plain sentence."""

import json
from collections.abc import Mapping
from typing import Any, Final

from providers.errors import MalformedResponse

__all__ = ["read_json", "text_in"]

_MARK: Final = b"\xef\xbb\xbf"


def read_json(vendor: str, data: bytes) -> Any:
    """Return the decoded value; a byte order mark before it is passed over.

    Raises:
        MalformedResponse: it is not JSON that can be stored and sent on.
    """
    try:
        # Bytes would be searched for their encoding.
        return _DECODER.decode(data.removeprefix(_MARK).decode())
    except UnicodeDecodeError as error:
        raise MalformedResponse(vendor, "the answer is not valid UTF-8") from error
    except ValueError as error:
        raise MalformedResponse(vendor, "the answer is not valid JSON") from error
    except RecursionError as error:
        raise MalformedResponse(vendor, "the answer is nested too deeply") from error


def text_in(holder: Mapping[str, Any], name: str) -> str | None:
    """Return the text of a field, None where it holds anything else."""
    value = holder.get(name)
    return value if isinstance(value, str) else None


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, which no other JSON knows."""
    raise ValueError(f"{constant} is not a number")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
