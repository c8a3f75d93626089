import asyncio
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from embedded.state import State
from protocol.errors import CogoError, MigrationMissing, StoreUnavailable, Unauthorized
from protocol.records import EVERYTHING, AgentRecord, NewTask
from protocol.transport.supabase_store import open_store

A_KEY = "sb_secret_of_nobody"


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Run a server that gives these answers, repeating the last; yield its URL and requests.

    With no answer at all it keeps silent until the client goes.
    """
    asked: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline())
            if not answers:
                self.rfile.read()
                return
            while self.rfile.readline() not in {b"\r\n", b""}:
                pass
            self.wfile.write(answers[min(len(asked), len(answers)) - 1])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            serving.join()


def a_response(
    body: str, *, status: str = "200 OK", kind: str = "application/json", encoding: str = "identity"
) -> bytes:
    content = body.encode("latin-1")
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-encoding: {encoding}\r\n"
        f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + content


PAGE = "<html><body>Bad gateway</body></html>"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(a_response(PAGE, kind="text/html"), id="a page that says 200"),
        pytest.param(a_response(PAGE, status="502 Bad Gateway", kind="text/html"), id="a page"),
        pytest.param(a_response("", status="503 Service Unavailable"), id="empty"),
        pytest.param(a_response('[{"version": '), id="half a body"),
        pytest.param(a_response('"\xff\xfe"'), id="no UTF-8"),
        pytest.param(a_response('{"an": "object of another kind"}'), id="another shape"),
        pytest.param(a_response("gzip?", encoding="gzip"), id="corrupt compression"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", id="cut"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="no HTTP"),
    ],
)
async def test_an_answer_that_is_none_means_ask_again(answer: bytes) -> None:
    with answering(answer) as (url, _):
        async with open_store(url, A_KEY) as store:
            with pytest.raises(StoreUnavailable):
                await store.schema_versions()
            with pytest.raises(StoreUnavailable):
                await store.fetch_agents()


async def test_a_page_in_place_of_an_answer_is_not_taken_for_a_success() -> None:
    record = AgentRecord(id="executor-1", kind="executor", capacity=1)

    with answering(a_response(PAGE, kind="text/html")) as (url, _):
        async with open_store(url, A_KEY) as store:
            with pytest.raises(StoreUnavailable):
                await store.record_agent(record)


async def test_a_passing_outage_is_not_noticed() -> None:
    away = a_response("", status="503 Service Unavailable")
    back = a_response('[{"version": "1"}]')

    with answering(away, away, back) as (url, requests):
        async with open_store(url, A_KEY) as store:
            versions = await store.schema_versions()

    assert versions == ["1"]
    assert len(requests) == 3


async def test_reads_are_repeated_on_one_level_only() -> None:
    away = a_response("", status="503 Service Unavailable")

    with answering(away) as (url, requests):
        async with open_store(url, A_KEY) as store:
            with pytest.raises(StoreUnavailable):
                await store.fetch_agents()

    assert len(requests) == 4


async def test_a_refusal_is_not_repeated() -> None:
    refusal = a_response(
        '{"code": "23514", "message": "no", "details": null, "hint": null}',
        status="400 Bad Request",
    )

    with answering(refusal) as (url, requests):
        async with open_store(url, A_KEY) as store:
            with pytest.raises(CogoError):
                await store.schema_versions()

    assert len(requests) == 1


async def test_an_address_where_nobody_listens_is_unavailable_within_a_minute() -> None:
    async with asyncio.timeout(60), open_store("http://127.0.0.1:9", A_KEY) as store:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await store.schema_versions()


async def test_a_server_that_never_answers_is_given_up() -> None:
    with answering() as (url, _):
        async with open_store(url, A_KEY, timeout_seconds=0.1) as store:
            with pytest.raises(StoreUnavailable):
                await store.schema_versions()


@pytest.mark.parametrize("url", ["", "no address", "ftp://127.0.0.1", "http://host:port"])
async def test_an_invalid_address_is_named(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="not the address"):
        async with open_store(url, A_KEY):
            pass


async def test_a_wrong_key_says_which_setting_to_correct(project: State) -> None:
    async with open_store(project.url, "sb_secret_wrong_wrong_wrong_wrong") as store:
        with pytest.raises(Unauthorized, match="SUPABASE_SECRET_KEY"):
            await store.schema_versions()
        with pytest.raises(Unauthorized, match="SUPABASE_SECRET_KEY"):
            await store.find_tasks(visible=EVERYTHING, limit=1)


@pytest.mark.parametrize("key", ["", "sb_secret_\n", "sb_secret_\N{EN DASH}", "sb secret"])
async def test_an_invalid_key_names_the_setting_to_correct(project: State, key: str) -> None:
    with pytest.raises(Unauthorized, match="SUPABASE_SECRET_KEY"):
        async with open_store(project.url, key) as store:
            await store.schema_versions()


async def test_the_publishable_key_may_do_nothing_of_an_agent(project: State) -> None:
    async with open_store(project.url, project.publishable_key) as store:
        with pytest.raises(Unauthorized):
            await store.reap()
        with pytest.raises(Unauthorized):
            await store.submit_task(NewTask(prompt="x"))


async def test_a_project_without_migrations_names_the_command(supabase_server: State) -> None:
    async with open_store(supabase_server.url, supabase_server.secret_key) as store:
        with pytest.raises(MigrationMissing, match="cogo migrate"):
            await store.schema_versions()
        with pytest.raises(MigrationMissing, match="cogo migrate"):
            await store.find_tasks(visible=EVERYTHING, limit=1)
