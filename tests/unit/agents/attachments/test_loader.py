"""Files are fetched, checked and given to the model, with the rights of the task's owner."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.attachments import (
    AttachmentInvalid,
    AttachmentLoader,
    AttachmentUnavailable,
    FileAccess,
    FileLimits,
    LoadedFiles,
)
from agents.fetching import AllowList, Fetcher
from protocol.records import FailureAction
from providers.chat import Attachment, Done, FinishReason, TextDelta
from tests.support.agents.executor_harness import ExecutorHarness
from tests.support.agents.subtasks import a_subtask
from tests.support.files.fake_objects import FakeObjects
from tests.support.files.pictures import GIF, PDF, draw_png, write_url
from tests.support.servers.raw_http import RawHttpServer, build_answer, serve_raw

PNG = draw_png()
OWNER = uuid4()


@pytest.fixture
async def server() -> AsyncIterator[RawHttpServer]:
    async with serve_raw() as it:
        yield it


class Loading:
    """A loader with its fakes."""

    def __init__(self, server: RawHttpServer, **limits: int) -> None:
        self.store = FakeObjects()
        access = FileAccess(
            fetcher=Fetcher(AllowList.parse([server.entry])), limits=FileLimits(**limits)
        )
        self.loader = AttachmentLoader(access, self.store)

    async def load(self, *files: Any, owner: UUID | None = OWNER) -> LoadedFiles:
        return await self.loader.load({"attachments": list(files)}, owner=owner)


async def test_files_are_loaded_from_everywhere(server: RawHttpServer) -> None:
    server.answers["/red.png"] = build_answer(PNG, "Content-Type: text/html")
    loading = Loading(server)
    loading.store.objects.add((OWNER, "papers", "a/b.pdf"))
    loading.store.contents["papers", "a/b.pdf"] = PDF
    turns = [{"role": "user", "content": "", "attachments": [write_url("image/gif", GIF)]}]
    files = [server.url("/red.png"), {"url": "storage:papers/a/b.pdf", "name": "paper.pdf"}]

    found = await loading.loader.load({"messages": turns, "attachments": files}, owner=OWNER)

    assert found.prompt == (
        Attachment(media_type="image/png", data=PNG, name="red.png"),
        Attachment(media_type="application/pdf", data=PDF, name="paper.pdf"),
    )
    assert found.get_turn(0) == (Attachment(media_type="image/gif", data=GIF),)


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "something else, not image/png"),
        (b"<html>", "a.pdf", "something else, not application/pdf"),
        (b"", "a.png", "it is empty"),
        (draw_png(claims=(65_000, 65_000)), "a.png", "65000 x 65000 pixels"),
        (PNG, "a.txt", "it is image/png, not text/plain"),
    ],
)
async def test_a_content_must_be_of_its_type(
    server: RawHttpServer, content: bytes, name: str, problem: str
) -> None:
    server.answers[f"/{name}"] = build_answer(content, "Content-Type: image/png")

    with pytest.raises(AttachmentInvalid, match=problem) as refused:
        await Loading(server).load(server.url(f"/{name}"))
    assert str(refused.value).startswith(f"attachments.0 ({name}): ")


@pytest.mark.parametrize(
    ("content", "declared", "type_", "found"),
    [
        (PNG, "image/jpeg", "image/*", "image/png"),
        (GIF, "application/octet-stream", None, "image/gif"),
        (PDF, "text/html", None, "application/pdf"),
        (b"a,b", "text/csv; charset=utf-8", None, "text/csv"),
        (b"hello", "image/png", None, "text/plain"),
    ],
)
async def test_the_content_says_the_type_where_the_address_does_not(
    server: RawHttpServer, content: bytes, declared: str, type_: str | None, found: str
) -> None:
    server.answers["/signed?a=b"] = build_answer(content, f"Content-Type: {declared}")
    file = {"url": server.url("/signed?a=b")} | ({"type": type_} if type_ else {})

    (loaded,) = (await Loading(server).load(file)).prompt

    assert (loaded.media_type, loaded.data, loaded.name) == (found, content, "signed")


@pytest.mark.parametrize(
    ("content", "type_", "problem"),
    [
        (b"<html>", "image/*", "something else, not an image of GIF, JPEG, PNG or WebP"),
        (PDF, "image/*", "application/pdf, not an image"),
        (b"PK\x03\x04\0\0", None, "no PDF file and no UTF-8 text"),
        (b"\xff\xfea", None, "no PDF file and no UTF-8 text"),
        (b"", None, "it is empty"),
        (b"", "image/*", "it is empty"),
        (draw_png(claims=(65_000, 65_000)), "image/*", "65000 x 65000 pixels"),
    ],
)
async def test_a_content_of_unknown_type_is_checked_too(
    server: RawHttpServer, content: bytes, type_: str | None, problem: str
) -> None:
    server.answers["/signed"] = build_answer(content, "Content-Type: image/png")

    with pytest.raises(AttachmentInvalid, match=problem):
        await Loading(server).load({"url": server.url("/signed"), "type": type_})


async def test_hosts_that_are_not_allowed_are_not_asked(server: RawHttpServer) -> None:
    with pytest.raises(AttachmentInvalid, match=r"\[fetch\] allow = \[.example.com.\]"):
        await Loading(server).load("https://example.com/a.png")
    with pytest.raises(AttachmentInvalid, match="only https"):
        await Loading(server).load("http://169.254.169.254/latest/a.png")
    assert server.requests == []


async def test_a_server_in_trouble_may_be_asked_later(server: RawHttpServer) -> None:
    server.answers["/a.png"] = build_answer(b"", status="503 Busy")

    with pytest.raises(AttachmentUnavailable, match="HTTP 503"):
        await Loading(server).load(server.url("/a.png"))


async def test_a_file_and_all_files_together_have_a_size(server: RawHttpServer) -> None:
    text = build_answer(b"x" * 60)
    server.answers |= {"/a.txt": text, "/b.txt": text, "/long.txt": build_answer(b"x" * 200)}
    loading = Loading(server, each_bytes=100, total_bytes=100)
    loading.store.objects.add((OWNER, "b", "long.txt"))
    loading.store.contents["b", "long.txt"] = b"x" * 200

    await loading.load(server.url("/a.txt"))
    with pytest.raises(AttachmentInvalid, match=r"attachments.1 \(b.txt\): .* larger than 40"):
        await loading.load(server.url("/a.txt"), server.url("/b.txt"))
    with pytest.raises(AttachmentInvalid, match="larger than 100 bytes"):
        await loading.load(server.url("/long.txt"))
    with pytest.raises(AttachmentInvalid, match="200 bytes; a file may have 100 bytes"):
        await loading.load("storage:b/long.txt")
    with pytest.raises(AttachmentInvalid, match="200 bytes; a file may have 100 bytes"):
        await loading.load("data:," + "x" * 200)


async def test_an_object_of_somebody_else_looks_like_none(server: RawHttpServer) -> None:
    loading = Loading(server)
    loading.store.objects |= {(uuid4(), "photos", "me.png"), (OWNER, "photos", "gone.png")}
    loading.store.contents["photos", "me.png"] = PNG

    for path in ("me.png", "gone.png", "nothing.png"):
        with pytest.raises(AttachmentInvalid, match=r"no object .* the owner of the task may read"):
            await loading.load(f"storage:photos/{path}")
    with pytest.raises(AttachmentInvalid, match="the task has no owner: submit it as a user"):
        await loading.load("storage:photos/me.png", owner=None)


@pytest.mark.parametrize("value", [5, ["nonsense"], {"url": "x"}, [{"url": "https://a/b"}]])
async def test_wrong_params_of_a_step_are_refused(server: RawHttpServer, value: Any) -> None:
    with pytest.raises(AttachmentInvalid, match="attachments"):
        await Loading(server).loader.load({"attachments": value}, owner=None)


async def test_the_model_gets_the_files_with_the_last_turn_of_the_user() -> None:
    done = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")
    harness = ExecutorHarness(TextDelta("red"), done)
    turns = [{"role": "user", "content": "Look"}, {"role": "assistant", "content": "Yes?"}]
    params: dict[str, Any] = {"generation_prompt": "Which colour?"}
    params["attachments"] = [write_url("image/png", PNG)]
    params["messages"] = turns
    await harness.execute(a_subtask(type="CHAT", lane="ollama/a", params=params))

    (request,) = harness.router.asked
    assert [len(each.attachments) for each in request.messages] == [1, 0]
    assert request.messages[0].attachments[0].data == PNG


async def test_a_file_that_cannot_be_used_ends_the_task_before_anything_is_sent() -> None:
    harness = ExecutorHarness()
    params = {"generation_prompt": "Look", "attachments": ["https://example.com/a.png"]}

    failure = await harness.failure(a_subtask(type="CHAT", params=params))

    assert failure.action is FailureAction.GIVE_UP
    assert failure.error.class_ == "invalid_attachment"
    assert "cogo.toml" in failure.error.message
    assert harness.router.asked == []
    assert failure.usage is None
    json.dumps(failure.error.model_dump(mode="json"))
