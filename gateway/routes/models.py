"""Models in the envelope `{success, data | error}`: list, select, test."""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import Here, ModelsReader, Parts, Writer
from gateway.models import RequirementsInvalid, UnknownModelName
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from gateway.tasks.task_run import inquiry, is_simulated, spoken, unless_gone
from protocol.json_values import JsonObject
from protocol.records import NewTask, Task

router = APIRouter(prefix="/api", tags=["models"], route_class=StrictRoute)

TEST_PROMPT: Final = 'Write a program that prints "Hello, World!" in JavaScript.'


class SelectRequest(BaseModel):
    """What a task needs of a model."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"task_requirements": {"taskType": "coding", "complexity": "high"}}]
        }
    )

    task_requirements: JsonObject = Field(
        description="complexity, language, framework, taskType, performanceNeeded, accuracyNeeded"
    )


class TestRequest(BaseModel):
    """Which model to test."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str = Field(max_length=200, examples=["claude-sonnet"])


class Envelope(BaseModel):
    """What every answer below /api is wrapped in."""

    success: bool
    data: dict[str, Any]


@router.get("/models", summary="List the models that can be asked")
async def list_models(here: Here, _asker: ModelsReader) -> Envelope:
    """Give each model with its capabilities and its status, as observed over the last hour."""
    models = [
        {
            "id": each.id,
            "capabilities": list(each.capabilities),
            "status": each.status,
            "name": each.name,
            "maker": each.maker,
            "provider": each.provider,
            "context_window": each.context_window,
            "simulated": each.simulated,
        }
        for each in await here.directory.models()
    ]
    return Envelope(success=True, data={"models": models, "total": len(models)})


@router.post("/models/select", summary="Ask which model would be taken")
async def select(body: SelectRequest, here: Here, asker: ModelsReader) -> Envelope:
    """Recommend at most five models for requirements, the first first, each with its reason.

    They are those of a task of the asker: by what was learned, the asker's policy and grants.
    """
    try:
        found = await here.directory.recommend(body.task_requirements, owner=asker.owner)
    except RequirementsInvalid as error:
        raise Problem(400, "invalid_requirements", str(error)) from error
    data = {
        "recommendations": list(found.models),
        "reasons": dict(found.models),
        "reasoning": found.reasoning,
    }
    return Envelope(success=True, data=data)


@router.post("/models/test", summary="Let a model write a few lines")
async def test(body: TestRequest, request: Request, here: Here, asker: Writer) -> Envelope:
    """Run a small task with this model and give what it wrote.

    The status is `connected`, or `simulated` when the vendor simulator answered in its place.
    """
    model_id = await resolved(here, body.model_id)
    new = NewTask(prompt=TEST_PROMPT, model=model_id, params={"language": "javascript"})

    async def work() -> Task:
        async with inquiry(here, asker, new) as asked:
            return await asked.answer()

    try:
        task = await unless_gone(here, request, work())
    except Problem as problem:
        problem.extra["model_id"] = body.model_id
        raise
    result = task.result or {}
    data = {
        "model_id": body.model_id,
        "test_result": result.get("generated_code") or spoken(task),
        "status": "simulated" if is_simulated(task) else "connected",
        "simulated": is_simulated(task),
        "model_used": result.get("model_used"),
        "task_id": str(task.id),
    }
    return Envelope(success=True, data=data)


async def resolved(here: Parts, name: str) -> str:
    """Give the id of a served model. Raises Problem (400) that names the available ones."""
    try:
        return await here.directory.resolve(name)
    except UnknownModelName as error:
        extra = {"available": list(error.available), "model_id": name}
        raise Problem(400, "model_unavailable", error.sentence, extra=extra) from error
