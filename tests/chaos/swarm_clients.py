"""People who ask swarms through a gateway that dies, and pick their answers up again."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import httpx

from protocol.records import NewTask
from tests.chaos.diary import Diary, Submitted
from tests.chaos.fleet import Fleet
from tests.chaos.history import History

_PAUSE: Final = 0.1
_NOT_ACCEPTED: Final = 500
"""Status from which on the gateway may have done nothing, such as while Postgres is down."""


class SwarmClients:
    """Clients of the gateway, wherever it is started anew, with the last frame of each answer."""

    def __init__(self, fleet: Fleet, diary: Diary) -> None:
        self._fleet = fleet
        self._diary = diary
        self.answers: dict[UUID, dict[str, Any]] = {}
        self.broken_off = 0
        """How often an answer broke off."""

    async def ask(self, task: NewTask, key: str) -> UUID:
        """Submit a task until the gateway has taken it; the key makes it one."""
        body = task.model_dump(mode="json", include={"type", "prompt", "params"})
        while True:
            try:
                async with self._open() as http:
                    headers = {"Idempotency-Key": key}
                    answer = await http.post("/tasks", json=body, headers=headers)
            except httpx.HTTPError:
                await asyncio.sleep(_PAUSE)
                continue
            if answer.status_code < _NOT_ACCEPTED:
                task_id = UUID(answer.raise_for_status().json()["id"])
                submitted = Submitted(key=key, task_id=task_id, must_fail=False)
                self._diary.submitted.append(submitted)
                return task_id
            await asyncio.sleep(_PAUSE)

    async def follow(self, task_id: UUID) -> None:
        """Read the frames of an answer; when they break off, from the beginning."""
        while task_id not in self.answers:
            try:
                async with (
                    self._open() as http,
                    http.stream("GET", f"/swarm/tasks/{task_id}?stream=true") as frames,
                ):
                    if frames.is_success:
                        await self._read(task_id, frames)
            except (httpx.HTTPError, ValueError):  # half a frame
                pass
            if task_id not in self.answers:
                await asyncio.sleep(_PAUSE)

    async def _read(self, task_id: UUID, frames: httpx.Response) -> None:
        await self._fleet.gateway.note_readers(1)
        try:
            async for line in frames.aiter_lines():
                frame = json.loads(line)
                if frame["done"] and "parts" in frame:
                    self.answers[task_id] = frame
        finally:
            await self._fleet.gateway.note_readers(-1)
            self.broken_off += task_id not in self.answers

    def _open(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._fleet.gateway.url, timeout=30)


def find_lost_answers(history: History, answers: Mapping[UUID, Mapping[str, Any]]) -> list[str]:
    """Return the answers that were told otherwise than they are stored."""
    lost: list[str] = []
    for task_id, frame in answers.items():
        stored = json.loads(history.tasks[task_id].result or "{}")
        lost += [
            f"task {task_id}: {name} were told as {str(frame.get(name))[:300]}"
            for name in ("parts", "responses")
            if frame.get(name) != stored.get(name)
        ]
    return lost
