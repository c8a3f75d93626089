"""Whether an owner may read an object of Supabase Storage is decided by its policies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from tests.support.servers.postgres import Cluster
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

ROWS: Final = """
insert into storage.buckets (id, name, public)
values ('photos', 'photos', false), ('open', 'open', true), ('team', 'team', false);
insert into storage.objects (bucket_id, name) values
  ('photos', 'aaaaaaaa-0000-4000-8000-000000000001/cat.png'), ('photos', 'shared/dog.png'),
  ('open', 'logo.png'), ('team', 'plan.pdf');
create policy "own folder" on storage.objects for select to authenticated
  using (bucket_id = 'photos' and (storage.foldername(name))[1] = (select auth.uid())::text);
"""
NO_ROWS: Final = """
drop policy "own folder" on storage.objects;
drop policy if exists p on storage.objects;
set storage.allow_delete_query = true;
delete from storage.objects;
delete from storage.buckets;
"""
HERS: Final = ("photos", f"{ALICE}/cat.png")


@pytest.fixture
async def superuser(cluster: Cluster, migrated: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(cluster.dsn("supabase_admin", migrated))
    yield connection
    await connection.close()


@pytest.fixture
async def storage(database: Database, superuser: Connection) -> AsyncIterator[Connection]:
    """Yield a superuser of a database with Storage, in which people have files."""
    await superuser.execute(ROWS)
    try:
        yield superuser
    finally:
        await superuser.execute(NO_ROWS)


async def may_read(connection: Connection, owner: UUID | None, bucket: str, path: str) -> Any:
    return await connection.fetchval(
        "select public.cogo_may_read_object($1, $2, $3)", owner, bucket, path
    )


async def test_the_owner_of_a_task_reads_what_the_policies_let_them(
    database: Database, storage: Connection
) -> None:
    service = await database.connect()

    assert await may_read(service, ALICE, *HERS) is True
    assert await may_read(service, BOB, *HERS) is False
    assert await may_read(service, None, *HERS) is False
    assert await may_read(service, ALICE, "photos", "shared/dog.png") is False
    assert await may_read(service, ALICE, "photos", f"{ALICE}/none.png") is False
    assert await may_read(service, ALICE, "none", f"{ALICE}/cat.png") is False
    assert await may_read(service, ALICE, "photos", f"/{ALICE}/cat.png") is False


@pytest.mark.parametrize(
    ("column", "type_"),
    [("archived_at", "timestamptz default now()"), ("is_delete_marker", "boolean default true")],
)
async def test_whoever_may_read_an_old_version_may_not_therefore_read_the_object(
    database: Database, storage: Connection, column: str, type_: str
) -> None:
    service = await database.connect()
    await storage.execute(f"alter table storage.objects add column {column} {type_}")
    try:
        assert await may_read(service, ALICE, *HERS) is False
        assert await may_read(service, None, "open", "logo.png") is False
    finally:
        await storage.execute(f"alter table storage.objects drop column {column}")


async def test_a_task_without_an_owner_reads_what_anyone_may(
    database: Database, storage: Connection
) -> None:
    service = await database.connect()
    assert await may_read(service, None, "team", "plan.pdf") is False
    await storage.execute(
        "create policy p on storage.objects for select to anon"
        " using (bucket_id = 'team' and auth.uid() is null)"
    )

    assert await may_read(service, None, "team", "plan.pdf") is True
    assert await may_read(service, ALICE, "team", "plan.pdf") is False


async def test_a_public_bucket_is_read_without_a_policy(
    database: Database, storage: Connection
) -> None:
    service = await database.connect()

    assert await may_read(service, BOB, "open", "logo.png") is True
    assert await may_read(service, None, "open", "logo.png") is True
    assert await may_read(service, None, "open", "none.png") is False


async def test_policies_see_the_claims_of_the_person(
    database: Database, storage: Connection
) -> None:
    service = await database.connect()
    await storage.execute(
        "insert into auth.users (id, email, is_anonymous, raw_app_meta_data)"
        " values ($1, 'alice@example.com', false, '{\"team\": \"red\"}'),"
        "        ($2, null, true, '{}')"
        " on conflict do nothing", ALICE, BOB,
    )  # fmt: skip
    try:
        for policy, expected in [
            ("auth.jwt() ->> 'email' = 'alice@example.com'", True),
            ("auth.jwt() -> 'app_metadata' ->> 'team' = 'red'", True),
            ("auth.role() = 'authenticated' and auth.jwt() ->> 'role' = 'authenticated'", True),
            ("auth.jwt() ->> 'aal' = 'aal2'", False),
            ("storage.operation() = 'storage.object.get_authenticated'", True),
            ("storage.allow_only_operation('object.get_authenticated')", True),
            ("storage.allow_any_operation(array['', 'storage.object.list', null])", False),
        ]:
            await storage.execute(
                f"create policy p on storage.objects for select to authenticated using ({policy})"
            )
            assert await may_read(service, ALICE, "team", "plan.pdf") is expected, policy
            await storage.execute("drop policy p on storage.objects")
        await storage.execute(
            "create policy p on storage.objects for select to authenticated"
            " using ((auth.jwt() ->> 'is_anonymous')::boolean is not true)"
        )
        assert await may_read(service, ALICE, "team", "plan.pdf") is True
        assert await may_read(service, BOB, "team", "plan.pdf") is False
    finally:
        await storage.execute("delete from auth.users where id = any ($1)", [ALICE, BOB])


async def test_a_policy_that_fails_allows_nothing_and_breaks_nothing(
    database: Database, storage: Connection
) -> None:
    service = await database.connect()
    for policy in (
        "path_tokens[1]::uuid = auth.uid()",  # "plan.pdf" is no uuid
        "exists (select from cogo.grants)",  # not for people
        "1 / 0 = 1",
    ):
        await storage.execute(
            f"create policy p on storage.objects for select to authenticated using ({policy})"
        )
        assert await may_read(service, ALICE, "team", "plan.pdf") is False, policy
        await storage.execute("drop policy p on storage.objects")
    await storage.execute("revoke select on storage.objects from authenticated")
    try:
        assert await may_read(service, ALICE, *HERS) is False
        assert await may_read(service, ALICE, "open", "logo.png") is True
    finally:
        await storage.execute("grant select on storage.objects to authenticated")


async def test_without_storage_nothing_may_be_read(database: Database, storage: Connection) -> None:
    service = await database.connect()
    await storage.execute("alter schema storage rename to elsewhere")
    try:
        assert await may_read(service, ALICE, "open", "logo.png") is False
        assert await may_read(service, None, "open", "logo.png") is False
    finally:
        await storage.execute("alter schema elsewhere rename to storage")


@asynccontextmanager
async def a_request(cluster: Cluster, name: str) -> AsyncIterator[Connection]:
    """Open a transaction as PostgREST does for a request with the secret key."""
    connection = await asyncpg.connect(cluster.dsn("authenticator", name))
    try:
        async with connection.transaction():
            await connection.execute(
                "select set_config('role', 'service_role', true),"
                " set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true)"
            )
            yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("owner", [ALICE, BOB, None])
@pytest.mark.parametrize("policy", ["true", "1 / 0 = 1"])
async def test_a_request_goes_on_as_who_it_was(
    cluster: Cluster, migrated: str, storage: Connection, owner: UUID | None, policy: str
) -> None:
    await storage.execute(
        f"create policy p on storage.objects for select to anon, authenticated using ({policy})"
    )
    async with a_request(cluster, migrated) as connection:
        answer = await may_read(connection, owner, "team", "plan.pdf")

        assert answer is (policy == "true")
        after = await connection.fetchrow(
            "select current_user::text, current_setting('role'),"
            " current_setting('request.jwt.claims'), current_setting('request.jwt.claim.sub'),"
            " current_setting('storage.operation')"
        )
        claims = '{"role": "service_role"}'
        assert tuple(after or ()) in [
            ("service_role", "service_role", claims, each, each) for each in ("", None)
        ]
        # What only the service may do.
        assert await connection.fetchval("select count(*) from cogo.grants") == 0


async def test_only_the_service_asks(database: Database, storage: Connection) -> None:
    for role, user in (("authenticated", ALICE), ("anon", None)):
        person = await database.connect(role, user)
        for statement in (
            "select public.cogo_may_read_object(null, 'open', 'logo.png')",
            "select cogo.can_select_object('{}', 'open', 'logo.png')",
            f"select cogo.user_claims('{ALICE}')",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await person.fetch(statement)
