"""All tools, and the resources: each task under its address."""

import re
from typing import Any, Final
from uuid import UUID

from gateway.auth.principal import Scope
from gateway.mcp.answers import ToolAnswer, encode_json
from gateway.mcp.arguments import ModelListArguments
from gateway.mcp.backend import READS, OpenCaller, ServedTool, ToolBackend, ToolCaller
from gateway.mcp.memory_tools import MEMORY_TOOLS
from gateway.mcp.question_tools import QUESTION_TOOLS
from gateway.mcp.task_tools import TASK_TOOLS, read_task
from protocol.errors import InvalidArgument

_ADDRESS: Final = re.compile(r"cogo://tasks/([0-9a-fA-F-]{32,36})")


async def _list_models(caller: ToolCaller, _arguments: ModelListArguments) -> ToolAnswer:
    found = await caller.services.model_directory.models()
    models = [
        {
            "id": each.id,
            "name": each.name,
            "maker": each.maker,
            "provider": each.provider,
            "status": each.status,
            "capabilities": list(each.capabilities),
            "context_window": each.context_window,
            "simulated": each.simulated,
        }
        for each in found
    ]
    return ToolAnswer({"models": models, "total": len(models)})


async def read_resource(caller: ToolCaller, uri: str) -> str:
    """Return a task as JSON text. Raise InvalidArgument, NotFound."""
    found = _ADDRESS.fullmatch(uri)
    try:
        task_id = UUID(found[1]) if found else None
    except ValueError:
        task_id = None
    if task_id is None:
        raise InvalidArgument(
            f"there is no resource {uri[:200]!r}", hint="tasks are cogo://tasks/TASK_ID"
        )
    return encode_json(await read_task(caller, task_id))


TOOLS: Final[tuple[ServedTool[Any], ...]] = (
    *TASK_TOOLS,
    ServedTool(
        name="list_models",
        title="List models",
        description="List the models that can be used now, with what they can do.",
        scope=Scope.MODELS_READ,
        arguments=ModelListArguments,
        run=_list_models,
        annotations=READS,
    ),
    *QUESTION_TOOLS,
    *MEMORY_TOOLS,
)


def build_tool_backend(open_caller: OpenCaller) -> ToolBackend:
    """Build the backend that runs the tools with services of this process."""
    return ToolBackend(TOOLS, read_resource, open_caller)
