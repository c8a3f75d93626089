"""The part of a request that goes past the types of an SDK."""

from typing import Any, Final

__all__ = ["untyped"]

_LONG: Final = ("messages", "tools")


def untyped(body: dict[str, Any]) -> dict[str, Any]:
    """Take out what an SDK shall send as it is, as `extra_body`, which overrides its own fields.

    It would check each message against every type that a message can have, which for a long
    conversation costs more than the rest of the call, and sends the same in the end.
    """
    return {name: body.pop(name) for name in _LONG if name in body}
