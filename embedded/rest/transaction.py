"""The transaction of a request: as `authenticator`, in the role of the caller."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import asyncpg

from embedded.postgres.connection_errors import BROKEN_CONNECTION
from embedded.rest.statements.fragments import EstimateQuery, Statement

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

_ACQUIRE_SECONDS: Final = 10.0
_ROLLBACK_SECONDS: Final = 5.0
_LOST_CONNECTION: Final = (
    asyncpg.AdminShutdownError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.CrashShutdownError,
    *BROKEN_CONNECTION,
    ConnectionError,
)
"""Errors of the first statement on a lost connection."""

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
    """No connection can be established."""


class PoolExhaustedError(Exception):
    """No connection became free in time."""


@dataclass(frozen=True, slots=True)
class Context:
    """The caller, and what SQL may read about the request."""

    role: str
    claims: Mapping[str, Any]
    method: str
    path: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    settings: Mapping[str, str]
    """The role's own settings, such as statement_timeout."""
    timezone: str | None = None
    """The requested time zone."""
    pre_request: str | None = None
    """Function to call before the statement, quoted."""


@dataclass(frozen=True, slots=True)
class StatementResult:
    """The row that a `Statement` returns."""

    total: int | None
    page: int
    body: str
    inserted: int
    headers: str | None
    status: str | None


async def run_statement(
    pool: Pool,
    context: Context,
    statement: Statement,
    *,
    read_only: bool,
    check: Callable[[StatementResult], None],
) -> StatementResult:
    """Run a statement; an error of `check` rolls it back."""
    settings = dict(context.settings)
    if statement.statement_timeout is not None:
        settings["statement_timeout"] = statement.statement_timeout
    if context.timezone is not None:
        settings["timezone"] = context.timezone
    connection = await _begin_transaction(pool, "begin read only" if read_only else "begin")
    try:
        await connection.execute(*_build_settings_statement(context, settings))
        if context.pre_request is not None:
            await connection.execute(f"select {context.pre_request}()")
        row = await connection.fetchrow(statement.sql, *statement.parameters.values)
        result = (
            StatementResult(*row)
            if row is not None
            else StatementResult(None, 0, "", 0, None, None)
        )
        if statement.plan is not None:
            result = await _add_estimated_total(connection, statement.plan, result)
        check(result)
        await connection.execute("commit")
        return result
    finally:
        await _release(pool, connection)


async def _begin_transaction(pool: Pool, begin: str) -> Connection:
    """Return a connection in a new transaction.

    A connection that was lost in the pool may be noticed only here, and is replaced.
    """
    for _ in range(pool.get_max_size()):
        connection = await _acquire(pool)
        try:
            await connection.execute(begin)
        except _LOST_CONNECTION:
            await _release(pool, connection)
        except BaseException:
            await _release(pool, connection)
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
        # Such as 57P03 while the server starts; within a transaction it would concern the request.
        raise DatabaseDownError(str(error)) from error


async def _add_estimated_total(
    connection: Connection, plan: EstimateQuery, result: StatementResult
) -> StatementResult:
    """Return the result with the planner's estimate if the exact total is unknown or too large."""
    if result.total is not None and result.total <= plan.exact_up_to:
        return result
    explained = await connection.fetchval(
        f"explain (format json) {plan.sql}", *plan.parameters.values
    )
    estimate: int = json.loads(explained)[0]["Plan"]["Plan Rows"]
    return replace(result, total=max(estimate, result.total or 0))


async def _release(pool: Pool, connection: Connection) -> None:
    """Roll back on an open connection and return it to the pool, which replaces a lost one."""
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("rollback", timeout=_ROLLBACK_SECONDS)
    finally:
        await pool.release(connection)


def _build_settings_statement(context: Context, settings: Mapping[str, str]) -> list[str]:
    """Return one statement that sets all settings, and its arguments.

    The role is set after its own settings, since it may not be allowed to change some of them.
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
