"""What the stored turns of a subtask say to watchers."""

import json
from collections.abc import Mapping
from typing import Any

from protocol.messages import MAX_CALL_ID
from protocol.records import TurnLine


def read_called_names(line: TurnLine) -> Mapping[str, str]:
    """Return the names by which a stored answer calls tools, by id of the call.

    Calls that were rejected when they were read are left out: only their results are shown.
    """
    found = {}
    for call in line.calls if isinstance(line.calls, list) else ():
        if isinstance(call, dict) and not call.get("rejection"):
            call_id, name = call.get("id"), call.get("name")
            if isinstance(call_id, str) and isinstance(name, str):
                found[call_id[:MAX_CALL_ID]] = name
    return found


def read_arguments(line: TurnLine) -> Mapping[str, Mapping[str, Any]]:
    """Return the arguments of the calls in a stored answer, by id; without unreadable ones."""
    found = {}
    for call in line.calls if isinstance(line.calls, list) else ():
        if isinstance(call, dict):
            arguments = _parse_object(call.get("arguments"))
            if arguments is not None:
                found[str(call.get("id"))[:MAX_CALL_ID]] = arguments
    return found


def _parse_object(value: object) -> Mapping[str, Any] | None:
    """Return arguments, which models write as JSON; None if they are no object."""
    if isinstance(value, str):
        try:
            value = json.loads(value or "{}")
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
