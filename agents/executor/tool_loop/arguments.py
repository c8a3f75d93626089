"""What is wrong with the arguments of calls, found before anything is asked or run."""

import asyncio
from collections.abc import Mapping
from typing import Any

import jsonschema
from referencing.exceptions import Unresolvable

from agents.executor.tool_loop.moves import parse_arguments
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.state import LoopState

_MAX_MISTAKE = 1_000


async def find_mistakes(state: LoopState, offer: LoopOffer) -> dict[str, str]:
    """Return what is wrong with the arguments of calls without a result, by their keys."""
    found = {}
    for call in state.list_open_calls():
        tool, arguments = offer.tools.get(call.call.name), parse_arguments(call)
        if tool is None or arguments is None:
            continue
        mistake = await asyncio.to_thread(_find_mistake, tool.parameters, arguments)
        if mistake is not None:
            found[call.key] = mistake[:_MAX_MISTAKE]
    return found


def _find_mistake(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """Return why arguments do not follow a schema. One that cannot be checked accepts all."""
    given = dict(schema)
    try:
        kind = jsonschema.validators.validator_for(given, jsonschema.Draft202012Validator)
        mistake = jsonschema.exceptions.best_match(kind(given).iter_errors(dict(arguments)))
    except (jsonschema.SchemaError, Unresolvable, RecursionError):
        return None
    return None if mistake is None else f"{mistake.json_path}: {mistake.message}"
