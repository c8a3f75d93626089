"""People who write into the tables: all kinds of statements, many of them taken back."""

# ruff: noqa: S608 -- the statements are put together from our own names.

import asyncio
import random
from collections.abc import Sequence
from typing import Final

import asyncpg

from tests.chaos.columns.world import WRITER, World
from tests.support.sql.database import ALICE, Connection

_SOME: Final = """
with chosen as (
  select id from public.tickets where id % 7 = $1 order by id limit 8 for no key update
)
"""
_SOME_EVENTS: Final = """
with chosen as (
  select e.region, e.day, e."No." from public."Day's events" e
   where "No." % 5 = $1 order by 1, 2, 3 limit 6 for no key update
)
"""
_WRITES: Final[Sequence[tuple[int, str]]] = (
    (
        4,
        "insert into public.tickets (subject, body, author)"
        " select 'tok' || nextval('public.tokens'), 'tok' || nextval('public.tokens'),"
        f" case when n % 2 = 0 then '{ALICE}'::uuid end from generate_series(0, $1::int) n",
    ),
    (
        1,
        "insert into public.tickets (subject, summary, typed_summary)"
        " select 'tok' || nextval('public.tokens'), 'p:new', 'p:new'"
        " from generate_series(0, $1::int % 3)",
    ),
    (
        4,
        _SOME + "update public.tickets t set body = 'tok' || nextval('public.tokens')"
        " from chosen s where t.id = s.id",
    ),
    (
        2,
        _SOME + "update public.tickets t set subject = 'tok' || nextval('public.tokens'),"
        " body = null from chosen s where t.id = s.id and t.id % 2 = 0",
    ),
    (
        1,
        _SOME + "update public.tickets t set subject = null, body = null"
        " from chosen s where t.id = s.id and t.id % 3 = 0",
    ),
    (
        2,
        _SOME + "update public.tickets t set summary = 'p:' || t.id, typed_summary = 'p:' || t.id"
        " from chosen s where t.id = s.id and t.id % 4 = 1",
    ),
    (
        1,
        _SOME + "update public.tickets t set summary = 'p:both', typed_summary = 'p:both',"
        " subject = 'tok' || nextval('public.tokens')"
        " from chosen s where t.id = s.id and t.id % 4 = 2",
    ),
    (
        1,
        _SOME + "update public.tickets t set vector = '{7,7}', typed_vector = '{7,7}'"
        " from chosen s where t.id = s.id and t.id % 5 = 1",
    ),
    (
        1,
        _SOME + "update public.tickets t set urgency = 5, typed_urgency = 5"
        " from chosen s where t.id = s.id and t.id % 4 = 3",
    ),
    (1, _SOME + "update public.tickets t set author = null from chosen s where t.id = s.id"),
    (
        2,
        # Never with those that get an earlier value again: that is asked for by their keys.
        _SOME + "update public.tickets t set id = 1000001 + 7 * nextval('public.tokens')"
        " from chosen s where t.id = s.id and t.id % 3 = 1 and t.id % 7 <> 0",
    ),
    (
        8,
        "update public.tickets set body = earlier_body, earlier_body = body where id in ("
        " select id from public.tickets where id % 7 = 0 and earlier_body is not null"
        " and id > 40 * $1 order by id limit 8 for no key update)",
    ),
    (
        4,
        "update public.tickets set earlier_body = body, body = 'tok' || nextval('public.tokens')"
        " where id in ("
        "  select id from public.tickets where id % 7 = 0 and earlier_body is null"
        "  and id > 10 * $1 order by id limit 8 for no key update)",
    ),
    (2, "select public.take_place($1::integer)"),
    (1, "select public.swap_places($1::integer)"),
    (2, _SOME + "delete from public.tickets t using chosen s where t.id = s.id and t.id % 2 = 1"),
    (
        1,
        "insert into public.tickets (id, subject, body)"
        " select t.id, 'tok' || nextval('public.tokens'), t.body"
        "   from public.tickets t where t.id % 7 = $1 order by t.id limit 3"
        " on conflict (id) do update set subject = excluded.subject",
    ),
    (
        1,
        "merge into public.tickets t using (select $1::bigint as id) s on t.id = s.id"
        " when matched and t.id % 2 = 0 then delete"
        " when matched then update set body = 'tok' || nextval('public.tokens')"
        " when not matched then insert (id, body)"
        "  values (s.id, 'tok' || nextval('public.tokens'))",
    ),
    (
        3,
        """insert into public."Day's events" (region, day, "No.", note)"""
        " select (array['a', 'b', 'c'])[1 + n % 3], date '2026-05-01' + n,"
        " nextval('public.tokens'), 'tok' || nextval('public.tokens')"
        " from generate_series(0, $1::int) n",
    ),
    (
        1,
        """insert into public.events_a (region, day, "No.", note)"""
        " select 'a', date '2026-07-01', nextval('public.tokens'),"
        " 'tok' || nextval('public.tokens') from generate_series(0, $1::int % 3)",
    ),
    (
        2,
        _SOME_EVENTS
        + """update public."Day's events" e set note = 'tok' || nextval('public.tokens')"""
        """ from chosen s where (e.region, e.day, e."No.") = (s.region, s.day, s."No.")""",
    ),
    (
        1,
        _SOME_EVENTS + """update public."Day's events" e"""
        """ set region = case e.region when 'a' then 'b' else 'a' end"""
        """ from chosen s where (e.region, e.day, e."No.") = (s.region, s.day, s."No.")"""
        """ and e."No." % 2 = 0""",
    ),
    (
        1,
        _SOME_EVENTS
        + """update public."Day's events" e set "the gist" = 'p:e', typed_gist = 'p:e'"""
        """ from chosen s where (e.region, e.day, e."No.") = (s.region, s.day, s."No.")"""
        """ and e."No." % 3 = 0""",
    ),
    (
        1,
        _SOME_EVENTS + """delete from public."Day's events" e using chosen s"""
        """ where (e.region, e.day, e."No.") = (s.region, s.day, s."No.") and e."No." % 2 = 1""",
    ),
)
"""Statements with their weights; $1 is a digit."""
_BUSY: Final = 400
"""Rows of a table above which nothing is added."""
_TAKEN_BACK: Final = 0.15
_FORGIVEN: Final = (asyncpg.UniqueViolationError, asyncpg.SerializationError)


async def write(world: World, number: int, role: str) -> None:
    """Write until it is over."""
    dice = world.dice(f"writer {number}")
    async with world.connect(role, WRITER) as session:
        while not world.is_over:
            try:
                await _write_once(await session.step(), dice, world)
            except asyncpg.DeadlockDetectedError as error:
                world.note_deadlock(error)
            except _FORGIVEN:
                world.counts["taken back"] += 1
            except Exception as error:
                if not session.is_killed(error):
                    raise
            await asyncio.sleep(dice.random() * 0.02)


async def _write_once(connection: Connection, dice: random.Random, world: World) -> None:
    draw = dice.random()
    if draw < 0.03:
        await _copy(connection)
        return
    if draw < 0.035:
        await connection.execute("""truncate public."Day's events" """)
        world.counts["truncated"] += 1
        return
    transaction = connection.transaction()
    await transaction.start()
    try:
        for _ in range(dice.randint(1, 4)):
            if dice.random() < 0.2:
                await _in_savepoint(connection, dice)
            else:
                await _run(connection, dice)
    except BaseException:
        if not connection.is_closed():
            await transaction.rollback()
        raise
    if dice.random() < _TAKEN_BACK:
        await transaction.rollback()
        world.counts["taken back"] += 1
    else:
        await transaction.commit()
        world.counts["written"] += 1


async def _in_savepoint(connection: Connection, dice: random.Random) -> None:
    savepoint = connection.transaction()
    await savepoint.start()
    await _run(connection, dice)
    await (savepoint.rollback() if dice.random() < 0.5 else savepoint.commit())


async def _run(connection: Connection, dice: random.Random) -> None:
    [statement] = dice.choices([each for _, each in _WRITES], [weight for weight, _ in _WRITES])
    table = '''public."Day's events"''' if "Day's" in statement else "public.tickets"
    if statement.startswith("insert"):
        count = await connection.fetchval(f"select count(*) from {table}")
        if count > _BUSY:
            return
    await connection.execute(statement, dice.randrange(7))


async def _copy(connection: Connection) -> None:
    tokens = [
        await connection.fetchval("select 'tok' || nextval('public.tokens')") for _ in range(6)
    ]
    await connection.copy_records_to_table(
        "tickets", schema_name="public", columns=["subject", "body"],
        records=list(zip(tokens[:3], tokens[3:], strict=True)),
    )  # fmt: skip
