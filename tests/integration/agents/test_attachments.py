"""Images and files of tasks, from where they lie to what the models of each vendor see."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import pytest
from supabase import AsyncClient

from agents.attachments import FileAccess, FileLimits
from agents.fetching import AllowList, Fetcher
from agents.tools.own import build_own_tools
from embedded.state import State
from protocol.lifecycle import TaskState
from protocol.records import Task
from tests.integration.agents.conftest import PATHS, Fleet
from tests.support.accounts import an_email, connected, sign_up
from tests.support.agents.checks import open_real_runner
from tests.support.files.pictures import PDF, draw_png, write_url
from tests.support.servers.raw_http import RawHttpServer, build_answer, serve_raw

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

PNG: Final = draw_png()
VENDORS: Final = {
    **PATHS, "gemini": "/gemini", "mistral": "/mistral/v1", "xai": "/xai/v1",
}  # fmt: skip
SEEING: Final = {
    "claude-sonnet-5-5": True, "gpt-6.2-sol": True, "gpt-4.1": True, "gemini-3.8-flash": True,
    "fireworks/kimi-k3": False, "mistral/mistral-medium-3-5": False, "xai/grok-4.7": False,
}  # fmt: skip
"""A model of each wire, and whether it reads PDF files."""
BLIND: Final = "fireworks/glm-5p3"
MOST: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a folder in the bucket `photos`."""

    client: AsyncClient
    id: str

    async def upload(self, name: str, content: bytes) -> str:
        """Upload a file and return the URL of its attachment."""
        path = f"{self.id}/{name}"
        await self.client.storage.from_("photos").upload(
            path, content, {"content-type": "image/png", "upsert": "true"}
        )
        return f"storage:photos/{path}"

    async def ask(self, *attachments: Any, **fields: Any) -> UUID:
        """Insert a task and return its id."""
        row = {"prompt": "What is it?", "type": "CHAT", "params": {"attachments": attachments}}
        answer = await self.client.table("cogo_tasks").insert(row | fields).execute()
        found: Any = answer.data
        return UUID(found[0]["id"])


@asynccontextmanager
async def person(server: State) -> AsyncIterator[Person]:
    async with connected(server.url, server.publishable_key) as client:
        yield Person(client, await sign_up(client, an_email()))


async def create_bucket(server: State) -> None:
    async with connected(server.url, server.secret_key) as service:
        await service.storage.create_bucket("photos")
    connection = await asyncpg.connect(server.db_url)
    await connection.execute(
        'create policy "own folder" on storage.objects for all to authenticated'
        " using (bucket_id = 'photos' and (storage.foldername(name))[1] = auth.uid()::text)"
    )
    await connection.close()


@pytest.fixture
async def web() -> AsyncIterator[RawHttpServer]:
    async with serve_raw() as it:
        it.answers |= {"/a.png": build_answer(PNG), "/a.pdf": build_answer(PDF)}
        it.answers["/signed?key=a.b"] = build_answer(PNG, "Content-Type: image/jpeg")
        yield it


def access(web: RawHttpServer | None = None) -> FileAccess:
    allow = AllowList.parse([web.entry] if web else [])
    return FileAccess(fetcher=Fetcher(allow), limits=FileLimits(each_bytes=MOST))


async def count_requests(agents: Fleet) -> int:
    async with httpx.AsyncClient(base_url=agents.simulator, timeout=60) as client:
        return len((await client.get("/_simulator/requests")).json()["requests"])


def text_of(task: Task) -> str:
    assert task.status is TaskState.COMPLETED, task.error
    assert task.result is not None
    return str(task.result["text"])


def problem_of(task: Task) -> str:
    assert task.status is TaskState.FAILED, task.result
    assert task.error is not None
    assert not task.cost_usd
    return f"{task.error['class']}: {task.error['message']}"


async def test_a_model_sees_what_the_owner_of_the_task_may_read(
    fleet: OpenFleet, server: State
) -> None:
    await create_bucket(server)
    async with fleet() as agents, person(server) as alice, person(server) as bob:
        image = await alice.upload("a cat, (1)+2.png", PNG)
        large = await alice.upload("large.png", draw_png(900, 900) + bytes(1_500_000))
        wrong = {
            "0 bytes": await alice.upload("empty.png", b""),
            "of another type": await alice.upload("page.png", b"<html>"),
            "too large": await alice.upload("huge.png", PNG + bytes(MOST)),
            "gone": await alice.upload("gone.png", PNG),
            "in no bucket": "storage:none/a.png",
        }
        await alice.client.storage.from_("photos").remove([f"{alice.id}/gone.png"])
        await agents.executor("e-1", files=access())
        await agents.orchestrator()
        seen = [await alice.ask(image), await alice.ask(large)]
        refused = {name: await alice.ask(url) for name, url in wrong.items()}
        refused["of somebody else"] = await bob.ask(image)
        refused["elsewhere"] = await alice.ask("storage:photos/../photos/a.png")
        answers = [text_of(await agents.ended(each)) for each in seen]
        asked = await count_requests(agents)
        problems = {name: problem_of(await agents.ended(each)) for name, each in refused.items()}
        assert await count_requests(agents) == asked

    assert f"image/png ({len(PNG)} bytes)" in answers[0]
    assert "image/png (150" in answers[1]
    for name, says in {
        "0 bytes": "it is empty",
        "of another type": "something else, not image/png",
        "too large": f"a file may have {MOST:,} bytes",
        "gone": "that the owner of the task may read",
        "in no bucket": "that the owner of the task may read",
        "of somebody else": "that the owner of the task may read",
        "elsewhere": "must be storage:BUCKET/PATH",
    }.items():
        assert says in problems[name]
        assert "attachments.0" in problems[name]
        assert problems[name].startswith(("invalid_attachment: ", "invalid_task: "))


async def test_models_of_every_wire_see_the_files(fleet: OpenFleet, web: RawHttpServer) -> None:
    async with fleet() as agents:
        await agents.executor("e-1", files=access(web), paths=VENDORS)
        await agents.orchestrator()
        signed = {"url": web.url("/signed?key=a.b"), "type": "image/*"}
        images = {
            model: await agents.submit(
                type="CHAT", model=model,
                params={"attachments": [write_url("image/png", PNG), signed]},
            )
            for model in SEEING
        }  # fmt: skip
        papers = {
            model: await agents.submit(
                type="CHAT", model=model, params={"attachments": [web.url("/a.pdf")]}
            )
            for model in SEEING
        }
        seen = {model: text_of(await agents.ended(task.id)) for model, task in images.items()}
        read = {model: await agents.ended(task.id) for model, task in papers.items()}

    for text in seen.values():
        assert text.count(f"image/png ({len(PNG)} bytes)") == 2
    for model, reads_pdf in SEEING.items():
        if reads_pdf:
            assert "application/pdf" in text_of(read[model])
        else:
            assert "PDF files, which it does not read" in problem_of(read[model])


async def test_only_models_that_see_are_chosen(fleet: OpenFleet, web: RawHttpServer) -> None:
    files = {"attachments": [write_url("image/png", PNG)]}
    async with fleet() as agents:
        await agents.executor("e-1", files=access(web))
        await agents.orchestrator()
        chosen = await agents.submit("What is it?", type="CHAT", params=files)
        unknown = await agents.submit(
            "What is it?", type="CHAT", params={"attachments": [web.url("/signed?key=a.b")]}
        )
        named = await agents.submit("What is it?", type="CHAT", params=files, model=BLIND)
        text = text_of(await agents.ended(chosen.id))
        found = text_of(await agents.ended(unknown.id))
        problem = problem_of(await agents.ended(named.id))

    assert "image/png" in text
    assert f"image/png ({len(PNG)} bytes)" in found
    assert "the task has images, which it does not read" in problem


async def test_a_model_looks_closer_at_an_image(
    fleet: OpenFleet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    runner = await open_real_runner(tmp_path_factory.getbasetemp() / "toolchain-of-own-tools")
    own = build_own_tools(checks=runner, fetcher=Fetcher(AllowList()))
    async with fleet() as agents:
        await agents.executor("e-1", own=own, list_tools=lambda: own.names)
        await agents.orchestrator()
        task = await agents.submit(
            'view_image {"crop": {"left": 0, "top": 0, "width": 10, "height": 20}}',
            type="CHAT", model="claude-sonnet-5-5",
            params={"attachments": [write_url("image/png", draw_png(40, 30))],
                    "tools": ["cogo:view_image"]},
        )  # fmt: skip
        ended = await agents.ended(task.id)

    text = text_of(ended)
    assert ended.result is not None
    assert [(each["tool"], each["errors"]) for each in ended.result["tools_used"]] == [
        ("cogo:view_image", 0)
    ]
    assert '"part": {"left": 0, "top": 0, "right": 10, "bottom": 20}' in text
    assert text.count("image/png") == 2, "the image of the task, and the part of it"
