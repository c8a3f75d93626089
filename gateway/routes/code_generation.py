"""Code generation in the envelope `{success, data | error}`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import Here, Writer
from gateway.routes.models import Envelope, resolved
from gateway.strict_json import StrictRoute
from gateway.tasks.task_run import inquiry, is_simulated, spoken, unless_gone
from protocol.records import NewTask, Task

router = APIRouter(prefix="/api/code-generation", tags=["code generation"], route_class=StrictRoute)

_CODE_LINE: Final = re.compile(
    r"""
    [;{}]\s*$                                                        # how many lines of code end
    | ^[ \t]*[\w.\[\]]+\s*[-+*/|&:]?=\s*\S                           # an assignment
    | ^[ \t]*(?:async\s+)?(?:def|fn|func|function)\s+\w+\s*[(<]
    | ^[ \t]*(?:export\s+)?(?:class|interface|struct|enum)\s+\w+\s*[:({<]
    | ^[ \t]*(?:const|let|var)\s+\w+\s*[=:]
    | ^[ \t]*(?:from\s+\S+\s+import\s|import\s+\w+(?:\.\w+)*\s*$|import\b.*['"(])
    | ^[ \t]*(?:SELECT|INSERT|CREATE|UPDATE|DELETE)\s
    | ^[ \t]*(?:\#include|\#!/|<\w+[^>\n]*>)
    """,  # Only blanks before a line's first word: an answer may hold a megabyte of empty lines.
    re.MULTILINE | re.VERBOSE,
)


class GenerateRequest(BaseModel):
    """What to write. Without `model_id` the CIO chooses the model."""

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
async def generate(body: GenerateRequest, request: Request, here: Here, asker: Writer) -> Envelope:
    """Write code and give it with the model that wrote it; times are milliseconds."""
    name = None if body.model_id in {None, "", "auto"} else body.model_id
    new = NewTask(
        prompt=body.prompt,
        model=None if name is None else await resolved(here, name),
        params={
            "language": body.language,
            "framework": body.framework,
            **({"code_context": body.context} if body.context else {}),
        },
    )

    async def work() -> Task:
        async with inquiry(here, asker, new) as asked:
            return await asked.answer()

    task = await unless_gone(here, request, work())
    spoken(task)
    result = task.result or {}
    code, notes = code_in(result), [str(each) for each in result.get("notes") or ()]
    if code is None:
        notes.append("The answer holds no code; `text` is what the model said.")
    data = {
        "generated_code": code,
        "text": result.get("text"),
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


def code_in(result: Mapping[str, Any]) -> str | None:
    """Return the code of an answer, or None if it is prose.

    An answer without a fenced block counts as code when it was parsed, or has a line of code.
    """
    code = result.get("generated_code")
    if not isinstance(code, str) or not code.strip():
        return None
    if code != result.get("text"):
        return code  # it stood in a fence
    checks = (result.get("verification") or {}).get("checks") or ()
    was_parsed = any(each.get("name") == "parses" and each.get("passed") for each in checks)
    return code if was_parsed or _CODE_LINE.search(code) else None
