"""The API of OpenAI's clients: embeddings."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from gateway.auth.principal import Principal
from gateway.dependencies import GatewayServices, ServicesDep, TasksWrite
from gateway.models import EmbeddingFacts, UnknownModelName
from gateway.problems import Problem
from gateway.routes.openai.chat import GATEWAY
from gateway.strict_json import StrictRoute
from gateway.tasks.openai.embeddings import (
    EmbeddingsBody,
    build_embedding_tasks,
    build_embeddings,
)
from gateway.tasks.openai.results import rename_parameter
from gateway.tasks.task_run import cancel_on_disconnect, start_task
from protocol.errors import CogoError
from protocol.records import NewTask, Task

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"], route_class=StrictRoute)


@router.post("/embeddings", summary="Turn texts into vectors")
async def create_embeddings(
    body: EmbeddingsBody, request: Request, services: ServicesDep, principal: TasksWrite
) -> Any:
    """Embed texts as a task of type EMBED, or as several if one could not hold all vectors."""
    model = await _find_model(services, body.model)
    tasks = build_embedding_tasks(body, model)
    try:
        done = await cancel_on_disconnect(services, request, _run_all(services, principal, tasks))
    except Problem as problem:
        raise rename_parameter(problem, {}) from problem
    headers = GATEWAY | {"x-cogo-task": ",".join(str(task.id) for task in done)}
    if body.ignored:
        headers["x-cogo-ignored"] = ",".join(body.ignored)
    answer = await asyncio.to_thread(build_embeddings, done, model=body.model)
    return await asyncio.to_thread(JSONResponse, answer, headers=headers)


async def _run_all(
    services: GatewayServices, principal: Principal, tasks: Sequence[NewTask]
) -> list[Task]:
    """Run tasks at once; return them completed. If one fails, the others are cancelled."""

    async def run(new: NewTask) -> Task:
        async with start_task(services, principal, new) as begun:
            return await begun.wait()

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(run(each), name="embeddings") for each in tasks]
    except* (Problem, CogoError) as failures:
        raise failures.exceptions[0] from None  # a single error instead of a group
    return [each.result() for each in running]


async def _find_model(services: GatewayServices, name: str) -> EmbeddingFacts:
    try:
        return await services.model_directory.resolve_embedding(name)
    except UnknownModelName as error:
        raise Problem(404, "model_not_found", error.sentence, extra={"param": "model"}) from error
