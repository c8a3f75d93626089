"""One request, one transaction: as `authenticator`, in the role of the key."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import asyncpg

from embedded.rest.statements.sql import Plan, Statement

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_ACQUIRE_SECONDS: Final = 10.0
_ROLLBACK_SECONDS: Final = 5.0
_DEAD: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
"""How a connection that is no more answers to the first statement."""

_SEARCH_PATH: Final = '"public", "extensions"'
_FIXED: Final = (
    "search_path",
    "role",
    "request.jwt.claims",
    "request.method",
    "request.path",
    "request.headers",
    "request.cookies",
)


class DatabaseDownError(Exception):
    """No connection can be made."""


class PoolExhaustedError(Exception):
    """No connection became free in time."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and what SQL may read about the request."""

    role: str
    claims: Mapping[str, Any]
    method: str
    path: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    settings: Mapping[str, str]
    """The role's own settings, such as statement_timeout."""
    timezone: str | None = None
    """The time zone that was asked for."""
    pre_request: str | None = None
    """Function to call before the statement, quoted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The row that a Statement gives."""

    total: int | None
    page: int
    body: str
    inserted: int
    headers: str | None
    status: str | None


async def run(
    pool: Pool,
    context: Context,
    statement: Statement,
    *,
    read_only: bool,
    check: Callable[[Answer], None],
) -> Answer:
    """Run `statement`; whatever `check` raises undoes it."""
    settings = dict(context.settings)
    if statement.statement_timeout is not None:
        settings["statement_timeout"] = statement.statement_timeout
    if context.timezone is not None:
        settings["timezone"] = context.timezone
    connection = await _begin(pool, "begin read only" if read_only else "begin")
    try:
        await connection.execute(*_settings_statement(context, settings))
        if context.pre_request is not None:
            await connection.execute(f"select {context.pre_request}()")
        row = await connection.fetchrow(statement.sql, *statement.parameters.values)
        answer = Answer(*row) if row is not None else Answer(None, 0, "", 0, None, None)
        if statement.plan is not None:
            answer = await _with_planned_total(connection, statement.plan, answer)
        check(answer)
        await connection.execute("commit")
        return answer
    finally:
        await _give_back(pool, connection)


async def _begin(pool: Pool, begin: str) -> Connection:
    """A connection in a new transaction.

    One that died while it lay in the pool may be found out only here: nothing happened on it yet,
    so the next one is taken.
    """
    for _ in range(pool.get_max_size()):
        connection = await _acquire(pool)
        try:
            await connection.execute(begin)
        except _DEAD:
            await _give_back(pool, connection)
        except BaseException:
            await _give_back(pool, connection)
            raise
        else:
            return connection
    raise DatabaseDownError("every connection was lost")


async def _acquire(pool: Pool) -> Connection:
    try:
        return await pool.acquire(timeout=_ACQUIRE_SECONDS)
    except TimeoutError as error:
        raise PoolExhaustedError from error
    except asyncpg.PostgresError as error:
        # Such as 57P03 while the server starts: inside a transaction it would mean our request.
        raise DatabaseDownError(str(error)) from error


async def _with_planned_total(connection: Connection, plan: Plan, answer: Answer) -> Answer:
    """The answer with the planner's guess, where the exact number is not there or not wanted."""
    if answer.total is not None and answer.total <= plan.exact_up_to:
        return answer
    explained = await connection.fetchval(
        f"explain (format json) {plan.sql}", *plan.parameters.values
    )
    guess: int = json.loads(explained)[0]["Plan"]["Plan Rows"]
    return replace(answer, total=max(guess, answer.total or 0))


async def _give_back(pool: Pool, connection: Connection) -> None:
    """End the transaction, if the connection still lives; the pool replaces one that does not."""
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("rollback", timeout=_ROLLBACK_SECONDS)
    finally:
        await pool.release(connection)


def _settings_statement(context: Context, settings: Mapping[str, str]) -> list[str]:
    """`set_config` of everything in one statement, and its arguments.

    The role comes after its own settings: some of them it may not be allowed to make itself.
    """
    claims = {**context.claims, "role": context.role}
    fixed = (
        _SEARCH_PATH,
        context.role,
        json.dumps(claims),
        context.method,
        context.path,
        json.dumps(dict(context.headers)),
        json.dumps(dict(context.cookies)),
    )
    values = [part for pair in settings.items() for part in pair]
    values += [part for pair in zip(_FIXED, fixed, strict=True) for part in pair]
    calls = (f"set_config(${n}, ${n + 1}, true)" for n in range(1, len(values), 2))
    return [f"select {', '.join(calls)}", *values]
