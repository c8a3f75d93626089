"""The Edge Function, in Deno as it comes from npm, called by users."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.tasks import ended
from tests.support.accounts import an_email, connected, sign_up
from tests.support.ports import a_port
from tests.support.servers.system import System
from tests.support.sources import ROOT

pytestmark = pytest.mark.e2e

FUNCTION = ROOT / "examples" / "recipes" / "edge-function" / "supabase" / "functions" / "ask"


@pytest.fixture(scope="module")
def url(
    system: System, javascript_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Serve the function with the variables that Supabase gives it; yield its URL."""
    deno = next(javascript_folder.glob("node_modules/@deno/*/deno"), None)
    if deno is None:
        pytest.skip("npm has no Deno for this platform")
    folder = tmp_path_factory.mktemp("functions") / "ask"
    shutil.copytree(FUNCTION, folder)
    (folder / "node_modules").symlink_to(javascript_folder / "node_modules")
    port = a_port()
    variables = {
        "SUPABASE_URL": system.state.url,
        "SUPABASE_PUBLISHABLE_KEYS": f'{{"default": "{system.state.publishable_key}"}}',
        "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}",
        "DENO_DIR": str(folder.parent / "cache"),
        "DENO_NO_UPDATE_CHECK": "1",
        "HOME": str(folder.parent),
        "PATH": os.defpath,
    }
    options = ("--no-remote", "--no-lock", "--node-modules-dir=manual")
    with subprocess.Popen(
        [deno, "run", "--check", "--allow-net=127.0.0.1", "--allow-env", *options, "index.ts"],
        cwd=folder,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = []
            while not (line := process.stderr.readline()).startswith("Listening"):
                said.append(line)
                assert line, "".join(said)
            yield f"http://127.0.0.1:{port}/ask"
        finally:
            process.kill()


async def test_a_user_submits_a_task_and_gets_its_id(system: System, url: str) -> None:
    async with (
        connected(system.state.url, system.state.publishable_key) as client,
        httpx.AsyncClient(timeout=60) as http,
        system.store() as store,
    ):
        user = await sign_up(client, an_email())
        session = await client.auth.get_session()
        assert session is not None
        headers = {
            "Authorization": f"Bearer {session.access_token}",
            "Idempotency-Key": "the-first-question",
        }
        body = {"prompt": "What is COGO?", "model": "the-dearest", "owner": "somebody"}
        answers = [await http.post(url, json=body, headers=headers) for _ in range(2)]
        assert [each.status_code for each in answers] == [202, 202], answers[0].text
        ids = {each.json()["task_id"] for each in answers}
        [task_id] = ids

        task = await ended(store, task_id)
        assert str(task.owner) == user
        assert (task.type, task.model) == ("CHAT", None)
        assert task.result is not None

        other = await http.post(url, json={"prompt": "Another question"}, headers=headers)
        assert other.status_code == 400
        assert "was used for another request" in other.json()["error"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, '{"prompt": "x"}', 401),
        ({"Authorization": "Bearer nonsense"}, '{"prompt": "x"}', 401),
        ({"Authorization": "Bearer nonsense"}, "no JSON", 400),
        ({"Authorization": "Bearer nonsense"}, '{"prompt": ""}', 400),
        ({"Authorization": "Bearer nonsense"}, '{"prompt": {"a": 1}}', 400),
    ],
)
async def test_a_bad_request_is_refused(
    url: str, headers: dict[str, str], body: str, status: int
) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(url, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_a_browser_may_call_it(url: str) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.options(url)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
