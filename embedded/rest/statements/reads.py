"""SQL statements for reads: columns, embedded resources as lateral joins, order, limits."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from embedded.rest.errors import ApiError, CacheMissError
from embedded.rest.request.headers import Media
from embedded.rest.request.preferences import Count
from embedded.rest.request.query import Clauses, OrderTerm, Path, Query
from embedded.rest.request.select import ALL_ROWS, AllColumns, Embed, SelectedField, SelectItem
from embedded.rest.schema.objects import Relation, Relationship, Schema, quote_identifier
from embedded.rest.schema.relationships import resolve_relationship
from embedded.rest.statements.fragments import (
    EstimateQuery,
    Parameters,
    SqlScope,
    Statement,
    build_condition,
    build_field,
    build_result_select,
    build_rows_body,
    build_where,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """The SQL parts of one resource."""

    items: str
    joins: str
    conditions: tuple[str, ...]
    groups: str
    order: str
    limits: str
    is_narrowed: bool
    """Whether the joins affect which rows are returned."""

    def select(self, source: str, extra: Sequence[str] = ()) -> str:
        """Return the select statement over `source`, which has the alias of the resource."""
        where = build_where((*extra, *self.conditions))
        end = f"{self.groups}{self.order}{self.limits}"
        return f"select {self.items} from {source}{self.joins}{where}{end}"

    def count(self, source: str, *, limit: int | None = None) -> str:
        """Return an expression for the number of rows without the page, up to `limit` + 1."""
        joins = self.joins if self.is_narrowed else ""
        rows = f"from {source}{joins}{build_where(self.conditions)}"
        if limit is None:
            return f"(select count(*) {rows})"
        return f"(select count(*) from (select {rows} limit {limit + 1}) as _some)"


class SelectBuilder:
    """Builder of the resources of one query, with names from `schema`."""

    def __init__(self, schema: Schema, query: Query, parameters: Parameters) -> None:
        self._schema = schema
        self._query = query
        self._parameters = parameters
        self._numbers = count(1)
        self._paths: set[Path] = {()}

    def build_root(
        self,
        relation: Relation,
        *,
        label: str,
        clauses: Clauses,
        is_limited: bool = True,
        is_written: bool = False,
    ) -> Resource:
        """Build the resource with alias `t0`, with at most `max_rows` rows if `is_limited`.

        For `is_written` see `SqlScope`. Raise PGRST108 for clauses of a resource that is not
        selected.
        """
        scope = SqlScope(relation, "t0", label, is_written=is_written)
        root = self._build_resource(scope, self._query.select, (), clauses, is_limited=is_limited)
        for path in self._query.clauses:
            if path not in self._paths:
                raise _not_embedded_error(path[-1])
        return root

    def _build_resource(
        self,
        scope: SqlScope,
        items: Sequence[SelectItem],
        path: Path,
        clauses: Clauses,
        *,
        is_limited: bool = True,
    ) -> Resource:
        columns: list[str] = []
        plain: list[int] = []
        joins: list[str] = []
        embeds: dict[str, str] = {}
        relationships: dict[str, Relationship] = {}
        is_grouped = self._has_aggregates(items)
        _check_unique_names(items, scope.relation, depth=len(path) + 1)
        for item in items:
            before = len(columns)
            match item:
                case AllColumns() if scope.is_written or is_grouped:
                    columns += [
                        f"{scope.alias}.{quote_identifier(name)}" for name in scope.relation.columns
                    ]
                case AllColumns():
                    columns.append(f"{scope.alias}.*")
                case SelectedField():
                    columns.append(self._build_column(item, scope))
                case Embed():
                    relationship = resolve_relationship(self._schema, scope.relation, item)
                    alias = f"e{next(self._numbers)}"
                    joins.append(self._build_join(item, relationship, scope, alias, path))
                    columns.extend(
                        self._build_embed_columns(item, relationship, alias, is_grouped=is_grouped)
                    )
                    for name in (item.target, item.output_name):
                        embeds[name], relationships[name] = f"{alias}.body", relationship
            if not _is_aggregate(item):
                plain.extend(range(before + 1, len(columns) + 1))
        scope = replace(scope, embeds=embeds)
        conditions = [build_condition(each, scope, self._parameters) for each in clauses.conditions]
        # A condition such as `clients=not.is.null` depends on a join.
        is_narrowed = any(isinstance(item, Embed) and item.is_inner for item in items) or any(
            sql in text for sql in embeds.values() for text in conditions
        )
        return Resource(
            ", ".join(columns),
            "".join(joins),
            tuple(conditions),
            f" group by {', '.join(map(str, plain))}" if is_grouped and plain else "",
            self._build_order(clauses.order, scope, relationships),
            self._build_limits(clauses) if is_limited else "",
            is_narrowed,
        )

    def _has_aggregates(self, items: Sequence[SelectItem]) -> bool:
        """Return whether there are aggregates; raise PGRST123 if they are disabled."""
        found = any(map(_is_aggregate, items))
        if found and not self._schema.settings.aggregates_enabled:
            raise ApiError(400, "PGRST123", "Use of aggregate functions is not allowed")
        return found

    def _build_column(self, item: SelectedField, scope: SqlScope) -> str:
        if item.field == ALL_ROWS:
            sql = "*"
        else:
            sql, _ = build_field(item.field, scope, self._parameters)
        sql = self._build_cast(sql, item.cast)
        if item.aggregate is not None:
            sql = self._build_cast(f"{item.aggregate}({sql})", item.aggregate_cast)
        return f"{sql} as {quote_identifier(item.output_name)}"

    def _build_cast(self, sql: str, type_: str | None) -> str:
        if type_ is None:
            return sql
        known = self._schema.find_type(type_)
        if known is None:
            raise CacheMissError(400, "42704", f'type "{type_}" does not exist')
        return f"cast({sql} as {known})"

    def _build_join(
        self, embed: Embed, relationship: Relationship, scope: SqlScope, alias: str, path: Path
    ) -> str:
        target = self._schema.relations[relationship.target]
        if embed.is_spread and self._has_aggregates(embed.items):
            raise _spread_aggregate_error()
        inner = f"t{next(self._numbers)}"
        path = self._find_child_path(path, embed)
        self._paths.add(path)
        clauses = self._query.clauses.get(path, Clauses())
        child = self._build_resource(
            SqlScope(target, inner, target.name), embed.items, path, clauses
        )
        source, on = _build_source(relationship, target, inner, scope.alias)
        body = "row_to_json(_one.*)" if relationship.is_single else "json_agg(_one.*)"
        spread = self._build_spread_columns(embed, relationship) if embed.is_spread else ""
        rows = f"select {body} as body{spread} from ({child.select(source, on)}) as _one"
        join = "join" if embed.is_inner else "left join"
        met = f"{alias}.body is not null" if embed.is_inner else "true"
        return f" {join} lateral ({rows}) as {alias} on {met}"

    def _build_spread_columns(self, embed: Embed, relationship: Relationship) -> str:
        """Return the columns of a spread resource, as arrays unless it is a single row."""
        if relationship.is_single:
            return ", _one.*"
        names = (quote_identifier(name) for name in self._list_spread_names(embed, relationship))
        return "".join(f", coalesce(json_agg(_one.{name}), '[]'::json) as {name}" for name in names)

    def _build_embed_columns(
        self, embed: Embed, relationship: Relationship, alias: str, *, is_grouped: bool
    ) -> list[str]:
        if embed.is_spread:
            return [
                f"{alias}.{quote_identifier(name)}"
                for name in self._list_spread_names(embed, relationship)
            ]
        if not embed.items:
            return []
        body = f"{alias}.body" if relationship.is_single else f"coalesce({alias}.body, '[]'::json)"
        # Values of type json cannot be compared, and so not be grouped.
        cast = "::jsonb" if is_grouped else ""
        return [f"({body}){cast} as {quote_identifier(embed.output_name)}"]

    def _list_spread_names(self, embed: Embed, relationship: Relationship) -> list[str]:
        """Return the names of the columns that a spread resource adds to its parent."""
        target = self._schema.relations[relationship.target]
        names: list[str] = []
        for item in embed.items:
            match item:
                case AllColumns():
                    names.extend(target.columns)
                case Embed(is_spread=True):
                    names.extend(
                        self._list_spread_names(
                            item, resolve_relationship(self._schema, target, item)
                        )
                    )
                case _:
                    names.append(item.output_name)
        return names

    def _find_child_path(self, path: Path, embed: Embed) -> Path:
        """Return the path that the clauses of `embed` use, with its alias or its name."""
        for name in (embed.output_name, embed.target):
            candidate = (*path, name)
            if any(key[: len(candidate)] == candidate for key in self._query.clauses):
                return candidate
        return (*path, embed.output_name)

    def _build_order(
        self, terms: Sequence[OrderTerm], scope: SqlScope, relationships: Mapping[str, Relationship]
    ) -> str:
        parts: list[str] = []
        for term in terms:
            if term.relation is None:
                sql, _ = build_field(term.field, scope, self._parameters)
            else:
                sql = self._build_related_order(term, scope, relationships)
            direction = " desc" if term.is_descending else ""
            nulls = f" nulls {term.nulls}" if term.nulls else ""
            parts.append(f"{sql}{direction}{nulls}")
        return " order by " + ", ".join(parts) if parts else ""

    def _build_related_order(
        self, term: OrderTerm, scope: SqlScope, relationships: Mapping[str, Relationship]
    ) -> str:
        relation = term.relation or ""
        relationship = relationships.get(relation)
        if relationship is None:
            raise _not_embedded_error(relation)
        if not relationship.is_single:
            raise ApiError(
                400,
                "PGRST118",
                f"A related order on '{relation}' is not possible",
                details=f"'{relationship.origin}' and '{relation}' do not form a many-to-one"
                " or one-to-one relationship",
            )
        target = self._schema.relations[relationship.target]
        alias = f"t{next(self._numbers)}"
        sql, _ = build_field(term.field, SqlScope(target, alias, relation), self._parameters)
        source, on = _build_source(relationship, target, alias, scope.alias)
        return f"(select {sql} from {source}{build_where(on)})"

    def _build_limits(self, clauses: Clauses) -> str:
        max_rows = self._schema.settings.max_rows
        limit = max_rows if clauses.limit is None else min(clauses.limit, max_rows)
        sql = f" limit {self._parameters.bind(str(limit))}::int8"
        if clauses.offset:
            sql += f" offset {self._parameters.bind(str(clauses.offset))}::int8"
        return sql


def build_read_statement(
    schema: Schema,
    relation: Relation,
    query: Query,
    clauses: Clauses,
    media: Media,
    *,
    count: Count | None,
) -> Statement:
    """Build the statement of a read; `clauses` are those of the root with the Range applied."""
    parameters = Parameters()
    root = SelectBuilder(schema, query, parameters).build_root(
        relation, label=relation.name, clauses=clauses
    )
    source = f"{relation.sql} as t0"
    total, plan = "null::int8", None
    match count:
        case Count.EXACT:
            total = root.count(source)
        case Count.ESTIMATED:
            total = root.count(source, limit=schema.settings.max_rows)
            plan = _build_estimate(schema, relation, query, clauses)
        case Count.PLANNED:
            plan = _build_estimate(schema, relation, query, clauses)
    result = build_result_select(build_rows_body(media), source="source", total=total)
    return Statement(f"with source as ({root.select(source)}) {result}", parameters, plan=plan)


def _build_estimate(
    schema: Schema, relation: Relation, query: Query, clauses: Clauses
) -> EstimateQuery:
    """Build the query of the same rows without limits, with its own parameters."""
    parameters = Parameters()
    reader = SelectBuilder(schema, query, parameters)
    root = reader.build_root(relation, label=relation.name, clauses=clauses, is_limited=False)
    return EstimateQuery(
        root.select(f"{relation.sql} as t0"), parameters, exact_up_to=schema.settings.max_rows
    )


def _build_source(
    relationship: Relationship, target: Relation, alias: str, parent: str
) -> tuple[str, list[str]]:
    """Return the source of a related resource, and the conditions of its join."""
    if relationship.junction is None:
        on = [
            f"{alias}.{quote_identifier(there)} = {parent}.{quote_identifier(here)}"
            for here, there in relationship.columns
        ]
        return f"{target.sql} as {alias}", on
    middle = f"{alias}_junction"
    far = " and ".join(
        f"{middle}.{quote_identifier(here)} = {alias}.{quote_identifier(there)}"
        for here, there in relationship.junction.far_columns
    )
    near = [
        f"{middle}.{quote_identifier(there)} = {parent}.{quote_identifier(here)}"
        for here, there in relationship.columns
    ]
    return f"{target.sql} as {alias} join {relationship.junction.sql} as {middle} on {far}", near


def _not_embedded_error(name: str) -> ApiError:
    return ApiError(
        400,
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
    )


def _is_aggregate(item: SelectItem) -> bool:
    return isinstance(item, SelectedField) and item.aggregate is not None


def _check_unique_names(items: Sequence[SelectItem], parent: Relation, *, depth: int) -> None:
    """Raise 42712, as Postgres does, if two embedded resources have the same name."""
    names: set[str] = set()
    for item in items:
        if isinstance(item, Embed):
            if item.output_name in names:
                label = f"{parent.name}_{item.output_name}_{depth}"
                raise ApiError(400, "42712", f'table name "{label}" specified more than once')
            names.add(item.output_name)


def _spread_aggregate_error() -> ApiError:
    return ApiError(
        400,
        "PGRST127",
        "Feature not implemented",
        details="Aggregates are not implemented for spreads.",
    )
