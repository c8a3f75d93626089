"""Comments that a person lets be published, with the workflow of the recipe's folder."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from postgrest import ReturnMethod

from tests.e2e.console import SECONDS
from tests.e2e.recipes.conftest import RECIPES, read, run_file
from tests.support.accounts import an_email, connected, sign_up
from tests.support.eventually import eventually
from tests.support.servers.command_line import cogo
from tests.support.servers.system import System, running_system

pytestmark = pytest.mark.e2e

MODERATION = RECIPES / "moderation"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Run a system of its own in a trusted copy of the folder."""
    home = tmp_path_factory.mktemp("moderation")
    shutil.copytree(MODERATION, home, dirs_exist_ok=True)
    trusted = cogo("trust", home=home)
    assert trusted.returncode == 0, trusted.stderr
    with running_system(home, "--executors", "1") as running:
        yield running


@pytest.fixture
async def table(database: asyncpg.Connection) -> AsyncIterator[None]:
    await run_file(database, MODERATION / "comments.sql")
    yield
    await database.execute(
        "drop table public.comments; drop type public.verdict;"
        "drop function follow_verdict(), publish_approved() cascade"
    )


@pytest.mark.usefixtures("table")
async def test_a_comment_is_public_once_a_person_has_said_so(
    system: System, database: asyncpg.Connection
) -> None:
    key = system.state.publishable_key
    async with connected(system.state.url, key) as writer, connected(system.state.url, key) as anon:
        await sign_up(writer, an_email())
        comments = [{"body": "Good bread."}, {"body": "Buy my bread!"}]
        await writer.table("comments").insert(comments, returning=ReturnMethod.minimal).execute()

        async def questions() -> list[asyncpg.Record]:
            query = "select task_id, show from cogo_approvals where owner is null"
            found: list[asyncpg.Record] = await database.fetch(query)
            return found if len(found) == len(comments) else []

        asked = await eventually(questions, within=SECONDS)
        assert await read(anon, "comments") == []
        assert len(await read(writer, "comments")) == len(comments)

        for each in asked:
            is_good = json.loads(each["show"])["body"] == "Good bread."
            answer = ("approve", str(each["task_id"]), *(() if is_good else ("--refuse",)))
            answered = system.cogo(*answer)
            assert answered.returncode == 0, answered.stderr
        public = await read(anon, "comments", "body, verdict")
        assert public == [{"body": "Good bread.", "verdict": "unsure"}]

        await database.execute("update comments set verdict = 'harmless' where not is_published")
        assert len(await read(anon, "comments")) == len(comments)


@pytest.mark.usefixtures("table")
async def test_the_approval_of_a_task_of_a_user_publishes_nothing(
    system: System, database: asyncpg.Connection
) -> None:
    async with connected(system.state.url, system.state.publishable_key) as writer:
        await sign_up(writer, an_email())
        await database.execute(
            "insert into comments (user_id, body) values (gen_random_uuid(), 'Spam.')"
        )
        comment = await database.fetchval("select id from comments")
        task = {
            "type": "REVIEW_COMMENT",
            "prompt": "Spam.",
            "params": {"comment": comment, "verdict": "unsure"},
        }
        await writer.table("cogo_tasks").insert(task).execute()
        query = "select id from cogo_approvals where owner is not null"
        asked = await eventually(lambda: database.fetchval(query), within=SECONDS)
        await database.execute("select cogo_answer_approval($1, true)", asked)

    assert await database.fetchval("select approved from cogo_approvals where id = $1", asked)
    assert not await database.fetchval("select is_published from comments where id = $1", comment)
