"""Code generation in the envelope `{success, data | error}`."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.asking import inquiry, unless_gone
from gateway.parts import Here, Writer
from gateway.routes.models import Envelope, resolved
from protocol.records import NewTask, Task

router = APIRouter(prefix="/api/code-generation", tags=["code generation"])


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

    task = await unless_gone(request, work())
    result = task.result or {}
    data = {
        "generated_code": result.get("generated_code"),
        "model_used": result.get("model_used"),
        "generation_time": result.get("generation_time"),
        "language": body.language,
        "framework": body.framework,
        "context": body.context,
        "task_id": str(task.id),
    }
    return Envelope(success=True, data=data)
