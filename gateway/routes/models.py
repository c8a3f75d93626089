"""Models in the envelope `{success, data | error}`: list, select, test."""

from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import GatewayServices, ModelsRead, ServicesDep, TasksWrite
from gateway.models import RequirementsInvalid, UnknownModelName
from gateway.problems import Problem
from gateway.strict_json import StrictRoute
from gateway.tasks.task_run import is_simulated, require_result_text, run_task
from protocol.json_values import JsonObject
from protocol.records import NewTask

router = APIRouter(prefix="/api", tags=["models"], route_class=StrictRoute)

TEST_PROMPT: Final = 'Write a program that prints "Hello, World!" in JavaScript.'


class SelectRequest(BaseModel):
    """The requirements of a task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"task_requirements": {"taskType": "coding", "complexity": "high"}}]
        }
    )

    task_requirements: JsonObject = Field(
        description="complexity, language, framework, taskType, performanceNeeded, accuracyNeeded"
    )


class TestRequest(BaseModel):
    """The model to test."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str = Field(max_length=200, examples=["claude-sonnet"])


class Envelope(BaseModel):
    """The envelope of every answer below /api."""

    success: bool
    data: dict[str, Any]


@router.get("/models", summary="List the served models")
async def list_models(services: ServicesDep, _principal: ModelsRead) -> Envelope:
    """List the models with their capabilities, and their status over the last hour."""
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
        for each in await services.model_directory.models()
    ]
    return Envelope(success=True, data={"models": models, "total": len(models)})


@router.post("/models/select", summary="Recommend models")
async def select(body: SelectRequest, services: ServicesDep, principal: ModelsRead) -> Envelope:
    """Recommend at most five models for requirements, best first, each with its reason.

    They are chosen as for a task of the caller, by observations, policy and grants.
    """
    try:
        found = await services.model_directory.recommend(
            body.task_requirements, owner=principal.owner
        )
    except RequirementsInvalid as error:
        raise Problem(400, "invalid_requirements", str(error)) from error
    data = {
        "recommendations": list(found.models),
        "reasons": dict(found.models),
        "reasoning": found.reasoning,
    }
    return Envelope(success=True, data=data)


@router.post("/models/test", summary="Test a model")
async def test(
    body: TestRequest, request: Request, services: ServicesDep, principal: TasksWrite
) -> Envelope:
    """Run a small task with this model and return what it wrote.

    The status is `connected`, or `simulated` when the vendor simulator answered in its place.
    """
    model_id = await resolve_model(services, body.model_id)
    params = {"language": "javascript", "verify": "off"}  # the model is tested, not the code
    new = NewTask(prompt=TEST_PROMPT, model=model_id, params=params)
    try:
        task = await run_task(services, request, principal, new)
    except Problem as problem:
        problem.extra["model_id"] = body.model_id
        raise
    result = task.result or {}
    data = {
        "model_id": body.model_id,
        "test_result": result.get("generated_code") or require_result_text(task),
        "verification": result.get("verification"),
        "status": "simulated" if is_simulated(task) else "connected",
        "simulated": is_simulated(task),
        "model_used": result.get("model_used"),
        "task_id": str(task.id),
    }
    return Envelope(success=True, data=data)


async def resolve_model(services: GatewayServices, name: str) -> str:
    """Return the id of a served model. Raise Problem (400) that names the available ones."""
    try:
        return await services.model_directory.resolve(name)
    except UnknownModelName as error:
        extra = {"available": list(error.available), "model_id": name}
        raise Problem(400, "model_unavailable", error.sentence, extra=extra) from error
