"""The routes of the Data API: what is asked for becomes one statement in one transaction."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

import asyncpg
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from embedded.keys import Keys
from embedded.postgres.database import Database
from embedded.rest import responses
from embedded.rest.endpoint import Endpoint, Inbound
from embedded.rest.errors import ApiError, CacheMissError, unknown_table
from embedded.rest.grants import denial, needed
from embedded.rest.request.body import Payload, parse_argument, parse_payload
from embedded.rest.request.headers import Media, check_profile, parse_accept, parse_range
from embedded.rest.request.preferences import Preferences, Request, parse_preferences
from embedded.rest.request.query import Clauses, Query, parse_query
from embedded.rest.schema.introspection import SchemaCache
from embedded.rest.schema.openapi import describe
from embedded.rest.schema.tables import Function, Relation, ResultKind, Schema
from embedded.rest.statements.mutations import Writer
from embedded.rest.statements.reads import read_statement
from embedded.rest.statements.rpc import Caller
from embedded.rest.statements.sql import Statement
from embedded.rest.transaction import Answer, run

_STALE: Final = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedTableError,
)
"""What Postgres says about names that were there when the schema was read."""

_Built = TypeVar("_Built")


def rest_routes(database: Database, keys: Keys) -> list[BaseRoute]:
    """The routes below /rest/v1."""
    api = Api(database)
    return [
        Route("/", Endpoint(keys, api.describe)),
        Route("/rpc/{name}", Endpoint(keys, api.call)),
        Route("/{name}", Endpoint(keys, api.use_table)),
        Route("/{path:path}", Endpoint(keys, api.refuse_path)),
    ]


class Api:
    """The handlers; they share one schema cache."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = SchemaCache(database)

    async def describe(self, inbound: Inbound) -> Response:
        """GET /: the OpenAPI document, for the secret key only, as on hosted projects."""
        if not inbound.is_reading:
            raise _unsupported(inbound.method)
        if inbound.identity.role != "service_role":
            raise ApiError(
                401,
                "PGRST302",
                "Secret API key required",
                hint="Only secret API keys can be used for this endpoint.",
            )
        document = describe(await self._cache.get())
        return JSONResponse(document, media_type="application/openapi+json; charset=utf-8")

    async def refuse_path(self, inbound: Inbound) -> Response:
        """Any deeper path."""
        raise ApiError(404, "PGRST125", "Invalid path specified in request URL")

    async def use_table(self, inbound: Inbound) -> Response:
        """GET, HEAD, POST, PATCH, PUT and DELETE of a table or view."""
        check_profile(inbound.profile)
        preferences = await self._preferences(inbound)
        query = parse_query(inbound.pairs)
        match inbound.method:
            case "GET" | "HEAD":
                return await self._read(inbound, query, preferences)
            case "POST":
                return await self._insert(inbound, query, preferences)
            case "PUT":
                return await self._put(inbound, query, preferences)
            case "PATCH" | "DELETE":
                return await self._change(inbound, query, preferences)
            case method:
                raise _unsupported(method)

    async def call(self, inbound: Inbound) -> Response:
        """POST, GET and HEAD of a function."""
        check_profile(inbound.profile)
        if not inbound.is_reading and inbound.method != "POST":
            raise ApiError(405, "PGRST101", f"Cannot use the {inbound.method} method on RPC")
        media = parse_accept(inbound.headers.get("accept"))
        preferences = await self._preferences(inbound)
        query = parse_query(inbound.pairs, has_arguments=inbound.is_reading)
        clauses = _ranged(query, inbound)
        payload = None
        if not inbound.is_reading:
            payload = parse_argument(inbound.headers.get("content-type"), inbound.body)

        def build(schema: Schema) -> tuple[Function, Statement]:
            caller = Caller(schema, inbound.name, query, media)
            counts = preferences.counts_written
            if payload is None:
                function = caller.from_query()
                return function, caller.call_with_query(function, clauses, counts=counts)
            function = caller.from_payload(payload)
            return function, caller.call_with_payload(function, payload, clauses, counts=counts)

        function, statement = await self._build(build)
        if preferences.max_affected is not None and not function.returns_set:
            raise ApiError(
                400,
                "PGRST128",
                "Function must return SETOF or TABLE when max-affected preference is used with"
                " handling=strict",
            )

        def check(answer: Answer) -> None:
            if function.returns_set:
                responses.check_single(answer, media)
            responses.check_affected(answer, preferences)
            responses.check_range(answer, clauses)

        read_only = inbound.is_reading or not function.is_volatile
        answer = await self._run(inbound, preferences, statement, check, read_only=read_only)
        if function.kind is ResultKind.VOID:
            return responses.void_response(answer, preferences)
        return responses.read_response(
            answer,
            clauses,
            media,
            preferences,
            request=Request.CALL,
            has_body=inbound.method != "HEAD",
        )

    async def _read(self, inbound: Inbound, query: Query, preferences: Preferences) -> Response:
        media = parse_accept(inbound.headers.get("accept"))
        clauses = _ranged(query, inbound)

        def build(schema: Schema) -> Statement:
            relation = _relation(schema, inbound.name)
            count = preferences.count
            return read_statement(schema, relation, query, clauses, media, count=count)

        def check(answer: Answer) -> None:
            responses.check_single(answer, media)
            responses.check_range(answer, clauses)

        statement = await self._build(build)
        answer = await self._run(inbound, preferences, statement, check, read_only=True)
        has_body = inbound.method != "HEAD"
        response = responses.read_response(answer, clauses, media, preferences, has_body=has_body)
        response.headers.setdefault("Content-Location", inbound.location)
        return response

    async def _insert(self, inbound: Inbound, query: Query, preferences: Preferences) -> Response:
        media = _media_of_write(inbound, preferences)
        payload = _payload(inbound, query)

        def build(schema: Schema) -> tuple[Relation, Statement]:
            relation = _relation(schema, inbound.name)
            return relation, Writer(schema, relation, query, preferences, media).insert(payload)

        relation, statement = await self._build(build)
        answer = await self._run(
            inbound, preferences, statement, lambda answer: responses.check_single(answer, media)
        )
        return responses.insert_response(
            answer,
            inbound.name,
            media,
            preferences,
            can_conflict=bool(relation.primary_key or query.on_conflict),
            can_tell=relation.tells_inserts,
        )

    async def _put(self, inbound: Inbound, query: Query, preferences: Preferences) -> Response:
        media = _media_of_write(inbound, preferences)
        payload = _payload(inbound, query)

        def build(schema: Schema) -> tuple[Relation, Statement]:
            relation = _relation(schema, inbound.name)
            return relation, Writer(schema, relation, query, preferences, media).put(payload)

        relation, statement = await self._build(build)
        answer = await self._run(inbound, preferences, statement, responses.check_single_write)
        can_tell = relation.tells_inserts
        return responses.put_response(answer, media, preferences, can_tell=can_tell)

    async def _change(self, inbound: Inbound, query: Query, preferences: Preferences) -> Response:
        media = _media_of_write(inbound, preferences)
        payload = _payload(inbound, query) if inbound.method == "PATCH" else None

        def build(schema: Schema) -> Statement:
            writer = Writer(schema, _relation(schema, inbound.name), query, preferences, media)
            return writer.delete() if payload is None else writer.update(payload)

        def check(answer: Answer) -> None:
            responses.check_affected(answer, preferences)
            responses.check_single(answer, media)

        statement = await self._build(build)
        answer = await self._run(inbound, preferences, statement, check)
        if payload is None:
            return responses.delete_response(answer, media, preferences)
        return responses.update_response(answer, media, preferences)

    async def _preferences(self, inbound: Inbound) -> Preferences:
        timezones: frozenset[str] = frozenset()
        if any("timezone=" in header for header in inbound.preferences):
            timezones = await self._cache.timezones()
        return parse_preferences(inbound.preferences, timezones)

    async def _build(self, build: Callable[[Schema], _Built]) -> _Built:
        """Build with the schema at hand; a name that it lacks is looked up once more, afresh."""
        try:
            return build(await self._cache.get())
        except CacheMissError:
            self._cache.invalidate()
            return build(await self._cache.get())

    async def _run(
        self,
        inbound: Inbound,
        preferences: Preferences,
        statement: Statement,
        check: Callable[[Answer], None],
        *,
        read_only: bool = False,
    ) -> Answer:
        schema = await self._cache.get()
        role = inbound.identity.role
        settings = schema.role_settings.get(role, {})
        context = inbound.context(
            settings, timezone=preferences.timezone, pre_request=schema.settings.pre_request
        )
        try:
            return await run(
                self._database.requests, context, statement, read_only=read_only, check=check
            )
        except _STALE:
            self._cache.invalidate()
            raise
        except asyncpg.InsufficientPrivilegeError as error:
            needs = needed(inbound.method, preferences)
            raise await denial(
                self._database.admin, error, role=role, table=inbound.name, needs=needs
            ) from error


def _relation(schema: Schema, name: str) -> Relation:
    relation = schema.relations.get(name)
    if relation is None:
        raise unknown_table(name, schema.relations)
    return relation


def _payload(inbound: Inbound, query: Query) -> Payload:
    content_type = inbound.headers.get("content-type")
    return parse_payload(content_type, inbound.body, columns=query.columns is not None)


def _media_of_write(inbound: Inbound, preferences: Preferences) -> Media:
    """What a write answers with; its Accept header counts only when rows come back."""
    return parse_accept(inbound.headers.get("accept")) if preferences.returns_rows else Media()


def _ranged(query: Query, inbound: Inbound) -> Clauses:
    """The clauses of the root, narrowed by the Range header of a reading request."""
    clauses = query.root
    if not inbound.is_reading:
        return clauses
    offset, limit = parse_range(inbound.headers.get("range-unit"), inbound.headers.get("range"))
    limits = [each for each in (limit, clauses.limit) if each is not None]
    return replace(clauses, offset=clauses.offset + offset, limit=min(limits) if limits else None)


def _unsupported(method: str) -> ApiError:
    return ApiError(405, "PGRST117", f"Unsupported HTTP method: {method}")
