"""The transaction of a request: as `authenticator`, in the role of the caller."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import asyncpg

from embedded.postgres.database import COMMAND_SECONDS, KeptConnections
from embedded.postgres.pipeline import NothingRunError, PipelineConnection, PipelineQuery, Row
from embedded.rest.statements.fragments import EstimateQuery, Statement

_ACQUIRE_SECONDS: Final = 10.0
_ROLLBACK_SECONDS: Final = 5.0
_READ_ONLY: Final = {"transaction_read_only": "on"}
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
    headers: dict[str, str]
    cookies: dict[str, str]
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
    connections: KeptConnections,
    context: Context,
    statement: Statement,
    *,
    read_only: bool,
    check: Callable[[StatementResult], None] | None,
) -> StatementResult:
    """Run a statement; an error of `check` rolls it back. Without one it is committed at once."""
    settings = {**_READ_ONLY, **context.settings} if read_only else dict(context.settings)
    if statement.statement_timeout is not None:
        settings["statement_timeout"] = statement.statement_timeout
    if context.timezone is not None:
        settings["timezone"] = context.timezone
    queries = [_build_settings_query(context, settings)]
    if context.pre_request is not None:
        queries.append(PipelineQuery(f"select {context.pre_request}()"))
    queries.append(PipelineQuery(statement.sql, statement.parameters.values))
    is_checked = check is not None or statement.plan is not None
    if is_checked:
        queries.insert(0, PipelineQuery("begin"))
    proxy, row = await _run_queries(connections, queries)
    connection = proxy.unwrapped
    try:
        result = _build_result(row)
        if statement.plan is not None:
            result = await _add_estimated_total(connection, statement.plan, result)
        if check is not None:
            check(result)
        if is_checked:
            await _run(connection, [PipelineQuery("commit")])
        return result
    finally:
        await _release(connections, proxy, connection)


async def _run_queries(
    connections: KeptConnections, queries: Sequence[PipelineQuery]
) -> tuple[PipelineConnection, Row | None]:
    """Run the queries on a connection of the pool and return both.

    A connection that was lost in the pool may be noticed only here, and is replaced.
    """
    for _ in range(connections.pool.get_max_size()):
        proxy = await _acquire(connections)
        connection = proxy.unwrapped
        try:
            return proxy, await _run(connection, queries)
        except NothingRunError:
            await _release(connections, proxy, connection)
        except BaseException:
            await _release(connections, proxy, connection)
            raise
    raise DatabaseDownError("every connection was lost")


async def _run(connection: PipelineConnection, queries: Sequence[PipelineQuery]) -> Row | None:
    return await connection.run_pipeline(queries, seconds=COMMAND_SECONDS)


def _build_result(row: Row | None) -> StatementResult:
    if row is None:
        return StatementResult(None, 0, "", 0, None, None)
    total, page, body, inserted, headers, status = row
    return StatementResult(
        None if total is None else int(total),
        int(page or 0),
        body or "",
        int(inserted or 0),
        headers,
        status,
    )


async def _acquire(connections: KeptConnections) -> PipelineConnection:
    try:
        return await connections.take(seconds=_ACQUIRE_SECONDS)
    except TimeoutError as error:
        raise PoolExhaustedError from error
    except asyncpg.PostgresError as error:
        # Such as 57P03 while the server starts; within a transaction it would concern the request.
        raise DatabaseDownError(str(error)) from error


async def _add_estimated_total(
    connection: PipelineConnection, plan: EstimateQuery, result: StatementResult
) -> StatementResult:
    """Return the result with the planner's estimate if the exact total is unknown or too large."""
    if result.total is not None and result.total <= plan.exact_up_to:
        return result
    sql = f"explain (format json) {plan.sql}"
    row = await _run(connection, [PipelineQuery(sql, plan.parameters.values)])
    estimate: int = json.loads(row[0])[0]["Plan"]["Plan Rows"] if row and row[0] else 0
    return replace(result, total=max(estimate, result.total or 0))


async def _release(
    connections: KeptConnections, proxy: PipelineConnection, connection: PipelineConnection
) -> None:
    """Roll back on an open connection and give it back; a lost one is replaced."""
    try:
        if not connection.is_closed() and connection.has_open_pipeline:
            await connection.run_pipeline([PipelineQuery("rollback")], seconds=_ROLLBACK_SECONDS)
    finally:
        await connections.give_back(proxy, connection)


def _build_settings_query(context: Context, settings: Mapping[str, str]) -> PipelineQuery:
    """Return one query that sets all settings.

    The role is set after its own settings, since it may not be allowed to change some of them.
    """
    claims = {**context.claims, "role": context.role}
    values = [part for pair in settings.items() for part in pair]
    sql = _build_settings_sql(len(settings))
    values += (
        _SEARCH_PATH,
        context.role,
        json.dumps(claims),
        context.method,
        context.path,
        json.dumps(context.headers),
        json.dumps(context.cookies),
    )
    return PipelineQuery(sql, values)


@lru_cache
def _build_settings_sql(count: int) -> str:
    first = 2 * count + 1
    calls = [f"set_config(${n}, ${n + 1}, true)" for n in range(1, first, 2)]
    calls += [f"set_config('{name}', ${n}, true)" for n, name in enumerate(_FIXED, first)]
    return f"select {', '.join(calls)}"
