"""An attack: one person inserts hostile rows while another one works undisturbed.

Runs against any project whose agents are at work; `scripts/attack` and the tests call `run_attack`.
"""

import asyncio
import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from protocol.errors import CogoError
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, Task
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.support.eventually import eventually
from tests.support.hostile_rows.rows import hostile_json, hostile_row, row_text

PATIENCE: Final = 120.0
"""Seconds within which an innocent task ends, in any case."""
REFUSALS: Final = frozenset({400, 401, 403, 404, 409, 413, 422})
EXCEPTIONS: Final = (
    "Error:",
    "Error(",
    "Exception",
    "Traceback",
    "RecursionError",
    "OverflowError",
)
"""What no answer to a person holds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A hole: its effect, and the row that caused it."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project under attack."""

    url: str
    publishable_key: str
    secret_key: str


async def run_attack(
    project: Project,
    *,
    rows: int = 1_000,
    seed: int = 7,
    innocents: int = 20,
    most_delay: float = 2,
) -> list[Finding]:
    """Insert `rows` hostile rows as one user, with tasks of another spread among them.

    An innocent task may end `most_delay` seconds later than tasks do when nobody disturbs. Returns
    what went wrong; the rows follow from `seed`.
    """
    limits = httpx.Limits(max_connections=4)
    async with (
        open_store(project.url, project.secret_key) as store,
        httpx.AsyncClient(base_url=project.url, timeout=60, limits=limits) as http,
    ):
        chance = Random(seed)  # noqa: S311 - rows that can be had again
        alice, bob = [await _sign_up(http, project) for _ in range(2)]
        attack = _Attack(http=http, store=store, chance=chance, headers=alice)
        undisturbed = [await _innocent(http, store, bob) for _ in range(3)]
        usual = statistics.median(_seconds(each) for each in undisturbed)
        async with asyncio.TaskGroup() as group:
            working = []
            for number in range(rows):
                await attack.insert()
                if number % max(1, rows // innocents) == 0:
                    working.append(group.create_task(_innocent(http, store, bob)))
                    await attack.read_lists()
        await attack.call_functions()
        await attack.read_lists()
        ended = [each.result() for each in working]
        found = [problem for each in ended for problem in await _suffered(store, each)]
        found += [
            Finding("an innocent task was late", f"{each.id}: {late:.1f} s more than usual")
            for each in ended
            if (late := _seconds(each) - usual) > most_delay
        ]
        return [*attack.findings, *await attack.read_answers(), *found]


@dataclass(slots=True, kw_only=True)
class _Attack:
    http: httpx.AsyncClient
    store: SupabaseStore
    chance: Random
    headers: Mapping[str, str]

    findings: list[Finding] = field(default_factory=list)
    taken: dict[UUID, str] = field(default_factory=dict)
    """The rows that the database took, by the ids of their tasks."""

    async def insert(self) -> None:
        """Send one row; the database takes or refuses it."""
        row = row_text(hostile_row(self.chance))
        answer = await self._post("/rest/v1/cogo_tasks?select=id", row)
        if answer.status_code == 201:
            self.taken[UUID(answer.json()[0]["id"])] = row[:300]

    async def call_functions(self) -> None:
        """Call the functions of users with hostile arguments."""
        for task_id in list(self.taken)[:10]:
            of_task = f'"p_task_id": "{task_id}"'
            for name, fields in (
                ("cogo_feedback", f'{of_task}, "p_score": %s, "p_comment": %s'),
                ("cogo_approve_subtask", '"p_subtask_id": %s, "p_comment": %s'),
                ("cogo_cancel_task", f'{of_task}, "p_reason": %s'),
                ("cogo_submit_task", '"p_prompt": "Say it", "p_params": %s, "p_deadline": %s'),
                ("cogo_forget_embeddings", '"p_content": %s, "p_before": %s'),
                ("cogo_remember", '"p_owner": null, "p_facts": [{"content": %s, "source": %s}]'),
                ("cogo_find_tasks", '"p_filter": {"q": %s, "type": %s, "since": %s}'),
                ("cogo_count_tasks", '"p_filter": %s'),
                ("cogo_search_memory", '"p_owner": null, "p_query": %s, "p_candidates": %s'),
            ):
                values = [hostile_json(self.chance) for _ in range(fields.count("%s"))]
                body = "{" + fields % tuple(values) + "}"
                await self._post(f"/rest/v1/rpc/{name}", body)

    async def read_lists(self) -> None:
        """Read what operators read: one row must not hide the others."""
        try:
            await self.store.find_tasks(limit=1_000, visible=EVERYTHING)
            await self.store.fetch_lines(limit=200, visible=EVERYTHING)
            await self.store.fetch_queue()
        except CogoError as error:
            self.findings.append(Finding("a list cannot be read", str(error)))

    async def read_answers(self) -> list[Finding]:
        """Read each task that was taken as its owner does."""
        found = []
        for task_id, row in self.taken.items():
            try:
                task = await self.store.fetch_task(task_id=task_id)
                await self.store.fetch_subtasks(task_id=task_id)
                await self.store.fetch_events(task_id=task_id)
                await self.store.fetch_attempts(task_id=task_id)
            except CogoError as error:
                found.append(Finding("a task cannot be read", f"{row}: {error}"))
                continue
            said = json.dumps(task.error) if task.error else ""
            if '"internal"' in said or any(word in said for word in EXCEPTIONS):
                found.append(Finding("an error of ours is the answer", f"{row}: {said[:300]}"))
        return found

    async def _post(self, path: str, body: str) -> httpx.Response:
        answer = await self.http.post(
            path,
            content=body,
            headers={
                **self.headers,
                "Content-Type": "application/json",
                "Prefer": "return=representation",
            },
        )
        if not answer.is_success and answer.status_code not in REFUSALS:
            self.findings.append(
                Finding(
                    f"the database answers {answer.status_code}",
                    f"{body[:300]}: {answer.text[:200]}",
                )
            )
        return answer


async def _innocent(
    http: httpx.AsyncClient, store: SupabaseStore, headers: Mapping[str, str]
) -> Task:
    """Ask for something small and wait for its end."""
    row = {"id": str(uuid4()), "prompt": "Say it well", "type": "CHAT"}
    answer = await http.post("/rest/v1/cogo_tasks", json=row, headers=headers)
    answer.raise_for_status()

    async def probe() -> Task | None:
        task = await store.fetch_task(task_id=UUID(row["id"]))
        return task if task.status.is_final else None

    task = await eventually(probe, within=PATIENCE, every=0.25)
    assert task is not None
    return task


async def _suffered(store: SupabaseStore, task: Task) -> list[Finding]:
    found = [
        Finding("an innocent lease was spent", f"{each.reaps} reaps, {each.failures} failures")
        for each in await store.fetch_subtasks(task_id=task.id)
        if each.reaps or each.failures
    ]
    if task.status is not TaskState.COMPLETED:
        found.append(Finding("an innocent task failed", f"{task.id}: {task.error}"))
    return found


def _seconds(task: Task) -> float:
    """Return how long a task took by the clock of the database."""
    assert task.finished_at is not None
    return (task.finished_at - task.created_at).total_seconds()


async def _sign_up(http: httpx.AsyncClient, project: Project) -> dict[str, str]:
    body = {"email": f"{uuid4()}@example.com", "password": str(uuid4())}
    headers = {"apikey": project.publishable_key}
    answer = await http.post("/auth/v1/signup", json=body, headers=headers)
    token: Any = answer.raise_for_status().json()["access_token"]
    return headers | {"Authorization": f"Bearer {token}"}
