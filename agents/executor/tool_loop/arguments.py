"""What is wrong with the arguments of calls, found before anything is asked or run."""

from agents.executor.output_checks import Checker
from agents.executor.tool_loop.moves import parse_arguments
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.state import LoopState
from protocol.json_schema import check_schema

_MAX_MISTAKE = 1_000


async def find_mistakes(state: LoopState, offer: LoopOffer, checker: Checker) -> dict[str, str]:
    """Return what is wrong with the arguments of calls without a result, by their keys.

    The schema of a tool comes from its server; one that cannot be used accepts all.
    """
    found = {}
    for call in state.list_open_calls():
        tool, arguments = offer.tools.get(call.call.name), parse_arguments(call)
        if tool is None or arguments is None or check_schema(tool.parameters) is not None:
            continue
        mistake = await checker.find_mismatch(tool.parameters, dict(arguments))
        if mistake is not None:
            found[call.key] = mistake[:_MAX_MISTAKE]
    return found
