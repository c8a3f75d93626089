"""Code generation in the envelope `{success, data | error}`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import ServicesDep, TasksWrite
from gateway.routes.models import Envelope, resolve_model
from gateway.strict_json import StrictRoute
from gateway.tasks.task_run import is_simulated, require_result_text, run_task
from protocol.records import NewTask

router = APIRouter(prefix="/api/code-generation", tags=["code generation"], route_class=StrictRoute)

_CODE_LINE: Final = re.compile(
    r"""
    [;{}]\s*$                                                        # how lines of code end
    | ^[ \t]*[\w.\[\]]+\s*[-+*/|&:]?=\s*\S                           # an assignment
    | ^[ \t]*(?:async\s+)?(?:def|fn|func|function)\s+\w+\s*[(<]
    | ^[ \t]*(?:export\s+)?(?:class|interface|struct|enum)\s+\w+\s*[:({<]
    | ^[ \t]*(?:const|let|var)\s+\w+\s*[=:]
    | ^[ \t]*(?:from\s+\S+\s+import\s|import\s+\w+(?:\.\w+)*\s*$|import\b.*['"(])
    | ^[ \t]*(?:SELECT|INSERT|CREATE|UPDATE|DELETE)\s
    | ^[ \t]*(?:\#include|\#!/|<\w+[^>\n]*>)
    """,  # Only blanks before a line's first word: an answer may contain a megabyte of empty lines.
    re.MULTILINE | re.VERBOSE,
)


class GenerateRequest(BaseModel):
    """A request for code. Without `model_id` the CIO chooses the model."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra={"examples": [{"prompt": "Write a debounce function"}]},
    )

    prompt: str = Field(min_length=1)
    model_id: str | None = Field(None, max_length=200)
    language: str = Field("typescript", max_length=100)
    framework: str = Field("nodejs", max_length=100)
    context: str = Field("", description="Existing code.")


@router.post("/generate", summary="Generate code")
async def generate(
    body: GenerateRequest, request: Request, services: ServicesDep, principal: TasksWrite
) -> Envelope:
    """Generate code; return it with the model that wrote it. Times are milliseconds."""
    name = None if body.model_id in {None, "", "auto"} else body.model_id
    new = NewTask(
        prompt=body.prompt,
        model=None if name is None else await resolve_model(services, name),
        params={
            "language": body.language,
            "framework": body.framework,
            **({"code_context": body.context} if body.context else {}),
        },
    )
    task = await run_task(services, request, principal, new)
    require_result_text(task)
    result = task.result or {}
    code, notes = find_code(result), [str(each) for each in result.get("notes") or ()]
    if code is None:
        notes.append("The answer has no code; `text` is the whole answer.")
    data = {
        "generated_code": code,
        "files": result.get("files"),
        "text": result.get("text"),
        "verification": result.get("verification"),
        "receipt": result.get("receipt"),
        "notes": notes,
        "simulated": is_simulated(task),
        "model_used": result.get("model_used"),
        "generation_time": result.get("generation_time"),
        "language": body.language,
        "framework": body.framework,
        "context": body.context,
        "task_id": str(task.id),
    }
    return Envelope(success=True, data=data)


def find_code(result: Mapping[str, Any]) -> str | None:
    """Return the code of an answer, or None if it is prose.

    An answer without a fenced block counts as code when it was parsed, or has a line of code.
    """
    code = result.get("generated_code")
    if not isinstance(code, str) or not code.strip():
        return None
    if code != result.get("text"):
        return code  # it was in a fenced block
    checks = (result.get("verification") or {}).get("checks") or ()
    was_parsed = any(each.get("name") == "parses" and each.get("passed") for each in checks)
    return code if was_parsed or _CODE_LINE.search(code) else None
