"""Routes and handlers of the Data API: each request becomes one statement."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import asyncpg
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.rest import responses
from embedded.rest.endpoint import RestEndpoint, RestRequest
from embedded.rest.errors import ApiError, CacheMissError, unknown_table
from embedded.rest.grants import build_permission_error, list_required_privileges
from embedded.rest.request.body import parse_body, parse_call_body
from embedded.rest.request.headers import check_profile, parse_accept, parse_range
from embedded.rest.request.preferences import RequestKind, RestPreferences, parse_preferences
from embedded.rest.request.query import Clauses, Query, parse_query
from embedded.rest.schema.introspection import SchemaCache
from embedded.rest.schema.objects import Function, Relation, ResultKind, Schema
from embedded.rest.schema.openapi import build_openapi
from embedded.rest.statements.fragments import Statement
from embedded.rest.statements.mutations import MutationBuilder
from embedded.rest.statements.reads import build_read_statement
from embedded.rest.statements.rpc import CallBuilder, build_plain_call
from embedded.rest.transaction import StatementResult, run_statement

_STALE: Final = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedTableError,
)
"""Errors of Postgres about names that existed when the schema was read."""

_Built = TypeVar("_Built")


def rest_routes(database: Database, keys: Keys) -> list[BaseRoute]:
    """Build the routes below /rest/v1."""
    api = Api(database)
    return [
        Route("/rpc/{name}", RestEndpoint(keys, api.call)),
        Route("/", RestEndpoint(keys, api.get_openapi)),
        Route("/{name}", RestEndpoint(keys, api.use_table)),
        Route("/{path:path}", RestEndpoint(keys, api.refuse_path)),
    ]


class Api:
    """The handlers, which share one schema cache."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = SchemaCache(database)

    async def get_openapi(self, request: RestRequest) -> Response:
        """Return the OpenAPI document at /, with the secret key only, as on hosted projects."""
        if not request.is_reading:
            raise _method_error(request.method)
        if request.identity.role != "service_role":
            raise ApiError(
                401,
                "PGRST302",
                "Secret API key required",
                hint="Only secret API keys can be used for this endpoint.",
            )
        document = build_openapi(await self._cache.get())
        return JSONResponse(document, media_type="application/openapi+json; charset=utf-8")

    async def refuse_path(self, request: RestRequest) -> Response:
        """Refuse any deeper path."""
        raise ApiError(404, "PGRST125", "Invalid path specified in request URL")

    async def use_table(self, request: RestRequest) -> Response:
        """Handle all methods of a table or view."""
        check_profile(request.profile)
        preferences = await self._preferences(request)
        query = parse_query(request.pairs)
        match request.method:
            case "GET" | "HEAD":
                return await self._read(request, query, preferences)
            case "POST" | "PUT" | "PATCH" | "DELETE":
                return await self._write(request, query, preferences)
            case method:
                raise _method_error(method)

    async def call(self, request: RestRequest) -> Response:
        """Handle POST, GET and HEAD of a function."""
        check_profile(request.profile)
        if not request.is_reading and request.method != "POST":
            raise ApiError(405, "PGRST101", f"Cannot use the {request.method} method on RPC")
        media = parse_accept(request.headers.get("accept"))
        preferences = await self._preferences(request)
        query = parse_query(request.pairs, has_arguments=request.is_reading)
        clauses = _apply_range(query, request)
        payload = None
        if not request.is_reading:
            payload = parse_call_body(request.headers.get("content-type"), request.body)

        def build(schema: Schema) -> tuple[Function, Statement]:
            counts = preferences.counts_written
            if payload is not None and not request.pairs:
                return build_plain_call(schema, request.name, payload, media, counts=counts)
            caller = CallBuilder(schema, request.name, query, media)
            if payload is None:
                function = caller.choose_by_query()
                return function, caller.call_with_query(function, clauses, counts=counts)
            function = caller.choose_by_body(payload)
            return function, caller.call_with_body(function, payload, clauses, counts=counts)

        function, statement = await self._build(build)
        _check_can_be_limited(function, preferences)

        def check(result: StatementResult) -> None:
            if function.returns_set:
                responses.check_single(result, media)
            responses.check_affected(result, preferences)
            responses.check_range(result, clauses)

        may_fail = responses.may_refuse(media, preferences, clauses)
        result = await self._run(
            request,
            preferences,
            statement,
            check if may_fail else None,
            read_only=request.is_reading or not function.is_volatile,
        )
        if function.kind is ResultKind.VOID:
            return responses.build_void_response(result, preferences)
        return responses.build_read_response(
            result,
            clauses,
            media,
            preferences,
            kind=RequestKind.CALL,
            has_body=request.method != "HEAD",
        )

    async def _read(
        self, request: RestRequest, query: Query, preferences: RestPreferences
    ) -> Response:
        media = parse_accept(request.headers.get("accept"))
        clauses = _apply_range(query, request)

        def build(schema: Schema) -> Statement:
            relation = _find_relation(schema, request.name)
            count = preferences.count
            return build_read_statement(schema, relation, query, clauses, media, count=count)

        def check(result: StatementResult) -> None:
            responses.check_single(result, media)
            responses.check_range(result, clauses)

        statement = await self._build(build)
        may_fail = responses.may_refuse(media, preferences, clauses)
        result = await self._run(
            request, preferences, statement, check if may_fail else None, read_only=True
        )
        has_body = request.method != "HEAD"
        response = responses.build_read_response(
            result, clauses, media, preferences, has_body=has_body
        )
        response.headers.setdefault("Content-Location", request.location)
        return response

    async def _write(
        self, request: RestRequest, query: Query, preferences: RestPreferences
    ) -> Response:
        method = request.method
        media = parse_accept(request.headers.get("accept") if preferences.returns_rows else None)
        payload = None
        if method != "DELETE":
            content_type = request.headers.get("content-type")
            payload = parse_body(content_type, request.body, columns=query.columns is not None)

        def build(schema: Schema) -> tuple[Relation, Statement]:
            relation = _find_relation(schema, request.name)
            builder = MutationBuilder(schema, relation, query, preferences, media)
            if payload is None:
                return relation, builder.delete()
            builds = {"POST": builder.insert, "PUT": builder.put, "PATCH": builder.update}
            return relation, builds[method](payload)

        def check(result: StatementResult) -> None:
            if method == "PUT":
                responses.check_single_write(result)
                return
            if method != "POST":
                responses.check_affected(result, preferences)
            responses.check_single(result, media)

        relation, statement = await self._build(build)
        may_fail = method == "PUT" or responses.may_refuse(media, preferences)
        result = await self._run(request, preferences, statement, check if may_fail else None)
        if method == "POST":
            return responses.build_insert_response(
                result,
                request.name,
                media,
                preferences,
                can_conflict=bool(relation.primary_key or query.on_conflict),
                reports_inserts=relation.reports_inserts,
            )
        if method == "PUT":
            return responses.build_put_response(
                result, media, preferences, reports_inserts=relation.reports_inserts
            )
        kind = RequestKind.UPDATE if method == "PATCH" else RequestKind.DELETE
        return responses.build_change_response(result, media, preferences, kind)

    async def _preferences(self, request: RestRequest) -> RestPreferences:
        timezones: frozenset[str] = frozenset()
        if any("timezone=" in header for header in request.preferences):
            timezones = await self._cache.timezones()
        return parse_preferences(request.preferences, timezones)

    async def _build(self, build: Callable[[Schema], _Built]) -> _Built:
        """Build with the cached schema; reload it once if a name is missing."""
        try:
            return build(await self._cache.get())
        except CacheMissError:
            self._cache.invalidate()
            return build(await self._cache.get())

    async def _run(
        self,
        request: RestRequest,
        preferences: RestPreferences,
        statement: Statement,
        check: Callable[[StatementResult], None] | None,
        *,
        read_only: bool = False,
    ) -> StatementResult:
        schema = await self._cache.get()
        role = request.identity.role
        settings = schema.role_settings.get(role, {})
        context = request.build_context(
            settings, timezone=preferences.timezone, pre_request=schema.settings.pre_request
        )
        try:
            return await run_statement(
                self._database.kept, context, statement, read_only=read_only, check=check
            )
        except _STALE:
            self._cache.invalidate()
            raise
        except asyncpg.InsufficientPrivilegeError as error:
            needs = list_required_privileges(request.method, preferences)
            raise await build_permission_error(
                self._database.admin, error, role=role, table=request.name, needs=needs
            ) from error


def _check_can_be_limited(function: Function, preferences: RestPreferences) -> None:
    if preferences.max_affected is not None and not function.returns_set:
        raise ApiError(
            400,
            "PGRST128",
            "Function must return SETOF or TABLE when max-affected preference is used with"
            " handling=strict",
        )


def _find_relation(schema: Schema, name: str) -> Relation:
    relation = schema.relations.get(name)
    if relation is None:
        raise unknown_table(name, schema.relations)
    return relation


def _apply_range(query: Query, request: RestRequest) -> Clauses:
    """Return the clauses of the root, limited by the Range header of a read."""
    clauses = query.root
    if not request.is_reading:
        return clauses
    offset, limit = parse_range(request.headers.get("range-unit"), request.headers.get("range"))
    limits = [each for each in (limit, clauses.limit) if each is not None]
    return replace(clauses, offset=clauses.offset + offset, limit=min(limits) if limits else None)


def _method_error(method: str) -> ApiError:
    return ApiError(405, "PGRST117", f"Unsupported HTTP method: {method}")
