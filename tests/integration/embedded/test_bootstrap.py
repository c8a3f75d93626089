"""The bootstrapped database has and allows what a hosted project does."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.servers.postgres import Cluster

pytestmark = pytest.mark.db


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection as `postgres`, the role that runs migrations."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def authenticator(cluster: Cluster, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection as the role that serves requests."""
    name = database_url.rpartition("/")[2]
    connection = await asyncpg.connect(cluster.dsn("authenticator", name))
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    ("role", "attributes"),
    [
        ("anon", ""),
        ("authenticated", ""),
        ("service_role", "bypassrls"),
        ("authenticator", "login"),
        ("postgres", "bypassrls createdb createrole inherit login replication"),
    ],
)
async def test_roles_have_the_attributes_of_hosted(
    owner: asyncpg.Connection, role: str, attributes: str
) -> None:
    row = await owner.fetchrow(
        "select rolbypassrls as bypassrls, rolcreatedb as createdb, rolcreaterole as createrole,"
        " rolinherit as inherit, rolcanlogin as login, rolreplication as replication,"
        " rolsuper as super from pg_roles where rolname = $1",
        role,
    )

    assert row
    assert " ".join(name for name, has in row.items() if has) == attributes


async def test_the_owner_is_no_superuser_but_owns_the_database_and_public(
    owner: asyncpg.Connection,
) -> None:
    await owner.execute("create table public.mine (); drop table public.mine; create schema own")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute("copy (select 1) to program 'cat'")


async def test_requests_may_switch_to_the_api_roles_only(
    authenticator: asyncpg.Connection,
) -> None:
    for role in ("anon", "authenticated", "service_role"):
        await authenticator.execute(f"set role {role}")

    for role in ("postgres", "supabase_admin"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await authenticator.execute(f"set role {role}")


async def test_requests_end_by_the_timeouts_of_hosted(authenticator: asyncpg.Connection) -> None:
    settings = await authenticator.fetchval(
        "select current_setting('statement_timeout') || ' ' || current_setting('lock_timeout')"
    )
    of_anon = await authenticator.fetchval(
        "select setconfig from pg_db_role_setting where setrole = 'anon'::regrole"
    )

    assert (settings, of_anon) == ("8s 8s", ["statement_timeout=3s"])


async def test_a_new_table_is_granted_to_nobody(
    owner: asyncpg.Connection, authenticator: asyncpg.Connection
) -> None:
    await owner.execute("create table public.fresh ()")

    for role in ("anon", "authenticated", "service_role"):
        await authenticator.execute(f"set role {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await authenticator.execute("select from public.fresh")


async def test_functions_return_the_claims_of_the_request(
    authenticator: asyncpg.Connection,
) -> None:
    claims = '{"sub":"00000000-0000-4000-8000-000000000001","role":"authenticated","email":"a@b.c"}'
    question = "select auth.uid()::text, auth.role(), auth.email(), auth.jwt() ->> 'sub' as sub"
    await authenticator.execute("set role authenticated")

    assert set((await authenticator.fetchrow(question) or {}).values()) == {None}
    await authenticator.execute("select set_config('request.jwt.claims', $1, false)", claims)
    row = await authenticator.fetchrow(question)

    sub = "00000000-0000-4000-8000-000000000001"
    assert row
    assert tuple(row) == (sub, "authenticated", "a@b.c", sub)


async def test_a_subject_that_is_not_a_uuid_is_an_error(authenticator: asyncpg.Connection) -> None:
    await authenticator.execute("set role authenticated")
    await authenticator.execute("""set request.jwt.claims = '{"sub":"agent-1"}'""")

    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await authenticator.fetchval("select auth.uid()")


async def test_the_owner_creates_policies_for_private_topics_that_requests_obey(
    owner: asyncpg.Connection, authenticator: asyncpg.Connection
) -> None:
    await owner.execute(
        'create policy "own topic" on realtime.messages for select to authenticated'
        " using (realtime.topic() = 'mine')"
    )
    await owner.execute("select realtime.send('{}', 'e', 'mine', true)")

    async def seen(topic: str) -> int:
        async with authenticator.transaction():
            await authenticator.execute("select set_config('role', 'authenticated', true)")
            await authenticator.execute("select set_config('realtime.topic', $1, true)", topic)
            count: int = await authenticator.fetchval("select count(*) from realtime.messages")
            return count

    assert (await seen("mine"), await seen("other")) == (1, 0)
    await owner.execute(
        'alter policy "own topic" on realtime.messages using (false);'
        ' drop policy "own topic" on realtime.messages'
    )
    assert await seen("mine") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "alter table realtime.messages add column mine int",
        "alter table realtime.messages enable row level security",
        "drop table realtime.messages",
        "create table realtime.mine ()",
        "create trigger mine after insert on realtime.messages for each row"
        " execute function realtime.notify_server()",
        "drop function realtime.topic()",
        "alter table storage.objects disable row level security",
        "create table storage.mine ()",
        "drop function storage.foldername(text)",
        "delete from storage.objects",
        "create table auth.mine ()",
        "drop table auth.users",
        "create extension dblink",
        "alter role supabase_admin nosuperuser",
    ],
)
async def test_the_owner_may_not_do_what_a_hosted_project_refuses(
    owner: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
        await owner.execute(statement)


async def test_the_owner_may_do_what_a_hosted_project_allows(owner: asyncpg.Connection) -> None:
    for statement in (
        "create table public.kept (id uuid primary key default extensions.uuid_generate_v4(),"
        " by uuid references auth.users on delete cascade)",
        "alter publication supabase_realtime add table public.kept",
        "alter role authenticated set statement_timeout = '9s'",
        "alter role authenticated set statement_timeout = '8s'",
        "insert into auth.users (id) values (gen_random_uuid())",
        "create function public.noted() returns trigger language plpgsql as"
        " $$begin return new; end$$",
        "create trigger noted after insert on auth.users for each row"
        " execute function public.noted()",
        "set role service_role",
    ):
        await owner.execute(statement)


async def test_a_change_of_the_schema_notifies_the_rest_layer(owner: asyncpg.Connection) -> None:
    heard: list[object] = []
    await owner.add_listener("pgrst", lambda *notice: heard.append(notice[-1]))

    await owner.execute("create table public.told ()")
    await owner.execute("drop table public.told")
    await owner.execute("select 1")

    assert heard[:1] == ["reload schema"]
    assert len(heard) >= 2


async def test_vectors_are_there_where_the_programs_have_them(
    owner: asyncpg.Connection,
) -> None:
    offered = await owner.fetchval(
        "select count(*) from pg_available_extensions where name = 'vector'"
    )
    made = await owner.fetchval("select count(*) from pg_extension where extname = 'vector'")

    assert made == offered
