"""A select tree as SQL: columns, embedded resources as lateral joins, order and limits."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

from embedded.rest.errors import ApiError, CacheMissError
from embedded.rest.request.headers import Media
from embedded.rest.request.preferences import Count
from embedded.rest.request.query import Clauses, Order, Path, Query
from embedded.rest.request.select import ALL_ROWS, AllColumns, Embed, SelectedField, SelectItem
from embedded.rest.schema.relationships import resolve
from embedded.rest.schema.tables import Relation, Relationship, Schema, quote
from embedded.rest.statements.sql import (
    Parameters,
    Plan,
    Scope,
    Statement,
    answer_sql,
    condition_sql,
    field_sql,
    rows_body,
    where_sql,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the tree, ready to be put together."""

    items: str
    joins: str
    conditions: tuple[str, ...]
    groups: str
    order: str
    limits: str
    is_narrowed: bool
    """Whether the joins decide which rows there are."""

    def select(self, source: str, extra: Sequence[str] = ()) -> str:
        """The select statement over `source`, which gives the resource its alias."""
        where = where_sql((*extra, *self.conditions))
        end = f"{self.groups}{self.order}{self.limits}"
        return f"select {self.items} from {source}{self.joins}{where}{end}"

    def count(self, source: str, *, limit: int | None = None) -> str:
        """The number of rows without the limits of the page; counting stops behind `limit`."""
        joins = self.joins if self.is_narrowed else ""
        rows = f"from {source}{joins}{where_sql(self.conditions)}"
        if limit is None:
            return f"(select count(*) {rows})"
        return f"(select count(*) from (select {rows} limit {limit + 1}) as _some)"


class Reader:
    """Builds the resources of one query; every name is looked up in `schema`."""

    def __init__(self, schema: Schema, query: Query, parameters: Parameters) -> None:
        self._schema = schema
        self._query = query
        self._parameters = parameters
        self._numbers = count(1)
        self._paths: set[Path] = {()}

    def root(
        self,
        relation: Relation,
        *,
        label: str,
        clauses: Clauses,
        is_limited: bool = True,
        is_written: bool = False,
    ) -> Resource:
        """The resource under the alias `t0`, with at most `max_rows` rows if `is_limited`.

        `is_written`: of the rows that a write gave back, see Scope.

        Raises PGRST108 for clauses of a resource that is not selected.
        """
        scope = Scope(relation, "t0", label, is_written=is_written)
        root = self._resource(scope, self._query.select, (), clauses, is_limited=is_limited)
        for path in self._query.clauses:
            if path not in self._paths:
                raise _not_embedded(path[-1])
        return root

    def _resource(
        self,
        scope: Scope,
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
        ways: dict[str, Relationship] = {}
        is_grouped = self._has_aggregates(items)
        _refuse_one_name_twice(items, scope.relation, depth=len(path) + 1)
        for item in items:
            before = len(columns)
            match item:
                case AllColumns() if scope.is_written or is_grouped:
                    columns += [f"{scope.alias}.{quote(name)}" for name in scope.relation.columns]
                case AllColumns():
                    columns.append(f"{scope.alias}.*")
                case SelectedField():
                    columns.append(self._column(item, scope))
                case Embed():
                    way = resolve(self._schema, scope.relation, item)
                    alias = f"e{next(self._numbers)}"
                    joins.append(self._join(item, way, scope, alias, path))
                    columns.extend(self._embedded(item, way, alias, is_grouped=is_grouped))
                    for name in (item.target, item.output_name):
                        embeds[name], ways[name] = f"{alias}.body", way
            if not _is_aggregate(item):
                plain.extend(range(before + 1, len(columns) + 1))
        scope = replace(scope, embeds=embeds)
        conditions = [condition_sql(each, scope, self._parameters) for each in clauses.conditions]
        # A condition such as `clients=not.is.null` looks at a join.
        is_narrowed = any(isinstance(item, Embed) and item.is_inner for item in items) or any(
            sql in text for sql in embeds.values() for text in conditions
        )
        return Resource(
            ", ".join(columns),
            "".join(joins),
            tuple(conditions),
            f" group by {', '.join(map(str, plain))}" if is_grouped and plain else "",
            self._order(clauses.order, scope, ways),
            self._limits(clauses) if is_limited else "",
            is_narrowed,
        )

    def _has_aggregates(self, items: Sequence[SelectItem]) -> bool:
        """Whether rows are put together; raises PGRST123 if that is switched off."""
        found = any(map(_is_aggregate, items))
        if found and not self._schema.settings.aggregates_enabled:
            raise ApiError(400, "PGRST123", "Use of aggregate functions is not allowed")
        return found

    def _column(self, item: SelectedField, scope: Scope) -> str:
        if item.field == ALL_ROWS:
            sql = "*"
        else:
            sql, _ = field_sql(item.field, scope, self._parameters)
        sql = self._cast(sql, item.cast)
        if item.aggregate is not None:
            sql = self._cast(f"{item.aggregate}({sql})", item.aggregate_cast)
        return f"{sql} as {quote(item.output_name)}"

    def _cast(self, sql: str, type_: str | None) -> str:
        if type_ is None:
            return sql
        known = self._schema.find_type(type_)
        if known is None:
            raise CacheMissError(400, "42704", f'type "{type_}" does not exist')
        return f"cast({sql} as {known})"

    def _join(self, embed: Embed, way: Relationship, scope: Scope, alias: str, path: Path) -> str:
        target = self._schema.relations[way.target]
        if embed.is_spread and self._has_aggregates(embed.items):
            raise _no_spread_aggregates()
        inner = f"t{next(self._numbers)}"
        path = self._child_path(path, embed)
        self._paths.add(path)
        clauses = self._query.clauses.get(path, Clauses())
        child = self._resource(Scope(target, inner, target.name), embed.items, path, clauses)
        source, on = _source(way, target, inner, scope.alias)
        body = "row_to_json(_one.*)" if way.is_single else "json_agg(_one.*)"
        spread = self._lent(embed, way) if embed.is_spread else ""
        rows = f"select {body} as body{spread} from ({child.select(source, on)}) as _one"
        join = "join" if embed.is_inner else "left join"
        met = f"{alias}.body is not null" if embed.is_inner else "true"
        return f" {join} lateral ({rows}) as {alias} on {met}"

    def _lent(self, embed: Embed, way: Relationship) -> str:
        """The columns of a spread resource: as they are, or as arrays of those of all its rows."""
        if way.is_single:
            return ", _one.*"
        names = (quote(name) for name in self._names(embed, way))
        return "".join(f", coalesce(json_agg(_one.{name}), '[]'::json) as {name}" for name in names)

    def _embedded(
        self, embed: Embed, way: Relationship, alias: str, *, is_grouped: bool
    ) -> list[str]:
        if embed.is_spread:
            return [f"{alias}.{quote(name)}" for name in self._names(embed, way)]
        if not embed.items:
            return []
        body = f"{alias}.body" if way.is_single else f"coalesce({alias}.body, '[]'::json)"
        # Values of type json cannot be compared, hence not grouped.
        cast = "::jsonb" if is_grouped else ""
        return [f"({body}){cast} as {quote(embed.output_name)}"]

    def _names(self, embed: Embed, way: Relationship) -> list[str]:
        """The columns that a spread resource lends to its parent."""
        target = self._schema.relations[way.target]
        names: list[str] = []
        for item in embed.items:
            match item:
                case AllColumns():
                    names.extend(target.columns)
                case Embed(is_spread=True):
                    names.extend(self._names(item, resolve(self._schema, target, item)))
                case _:
                    names.append(item.output_name)
        return names

    def _child_path(self, path: Path, embed: Embed) -> Path:
        """The path under which a person wrote the clauses of `embed`: by alias or by name."""
        for name in (embed.output_name, embed.target):
            candidate = (*path, name)
            if any(key[: len(candidate)] == candidate for key in self._query.clauses):
                return candidate
        return (*path, embed.output_name)

    def _order(self, terms: Sequence[Order], scope: Scope, ways: Mapping[str, Relationship]) -> str:
        parts: list[str] = []
        for term in terms:
            if term.relation is None:
                sql, _ = field_sql(term.field, scope, self._parameters)
            else:
                sql = self._related(term, scope, ways)
            direction = " desc" if term.is_descending else ""
            nulls = f" nulls {term.nulls}" if term.nulls else ""
            parts.append(f"{sql}{direction}{nulls}")
        return " order by " + ", ".join(parts) if parts else ""

    def _related(self, term: Order, scope: Scope, ways: Mapping[str, Relationship]) -> str:
        relation = term.relation or ""
        way = ways.get(relation)
        if way is None:
            raise _not_embedded(relation)
        if not way.is_single:
            raise ApiError(
                400,
                "PGRST118",
                f"A related order on '{relation}' is not possible",
                details=f"'{way.origin}' and '{relation}' do not form a many-to-one"
                " or one-to-one relationship",
            )
        target = self._schema.relations[way.target]
        alias = f"t{next(self._numbers)}"
        sql, _ = field_sql(term.field, Scope(target, alias, relation), self._parameters)
        source, on = _source(way, target, alias, scope.alias)
        return f"(select {sql} from {source}{where_sql(on)})"

    def _limits(self, clauses: Clauses) -> str:
        max_rows = self._schema.settings.max_rows
        limit = max_rows if clauses.limit is None else min(clauses.limit, max_rows)
        sql = f" limit {self._parameters.text(str(limit))}::int8"
        if clauses.offset:
            sql += f" offset {self._parameters.text(str(clauses.offset))}::int8"
        return sql


def read_statement(
    schema: Schema,
    relation: Relation,
    query: Query,
    clauses: Clauses,
    media: Media,
    *,
    count: Count | None,
) -> Statement:
    """GET and HEAD of a table or view; `clauses` are those of the root with the Range applied."""
    parameters = Parameters()
    root = Reader(schema, query, parameters).root(relation, label=relation.name, clauses=clauses)
    source = f"{relation.sql} as t0"
    total, plan = "null::int8", None
    match count:
        case Count.EXACT:
            total = root.count(source)
        case Count.ESTIMATED:
            total = root.count(source, limit=schema.settings.max_rows)
            plan = _plan(schema, relation, query, clauses)
        case Count.PLANNED:
            plan = _plan(schema, relation, query, clauses)
    answer = answer_sql(rows_body(media), source="source", total=total)
    return Statement(f"with source as ({root.select(source)}) {answer}", parameters, plan=plan)


def _plan(schema: Schema, relation: Relation, query: Query, clauses: Clauses) -> Plan:
    """The same rows without limits, with parameters of its own."""
    parameters = Parameters()
    reader = Reader(schema, query, parameters)
    root = reader.root(relation, label=relation.name, clauses=clauses, is_limited=False)
    return Plan(
        root.select(f"{relation.sql} as t0"), parameters, exact_up_to=schema.settings.max_rows
    )


def _source(way: Relationship, target: Relation, alias: str, parent: str) -> tuple[str, list[str]]:
    """What a related resource is read from, and what ties it to the row of its parent."""
    if way.junction is None:
        on = [f"{alias}.{quote(there)} = {parent}.{quote(here)}" for here, there in way.columns]
        return f"{target.sql} as {alias}", on
    middle = f"{alias}_junction"
    far = " and ".join(
        f"{middle}.{quote(here)} = {alias}.{quote(there)}"
        for here, there in way.junction.far_columns
    )
    near = [f"{middle}.{quote(there)} = {parent}.{quote(here)}" for here, there in way.columns]
    return f"{target.sql} as {alias} join {way.junction.sql} as {middle} on {far}", near


def _not_embedded(name: str) -> ApiError:
    return ApiError(
        400,
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
    )


def _is_aggregate(item: SelectItem) -> bool:
    return isinstance(item, SelectedField) and item.aggregate is not None


def _refuse_one_name_twice(items: Sequence[SelectItem], parent: Relation, *, depth: int) -> None:
    """Raise 42712, as Postgres does for PostgREST, if two embedded resources have one name."""
    names: set[str] = set()
    for item in items:
        if isinstance(item, Embed):
            if item.output_name in names:
                label = f"{parent.name}_{item.output_name}_{depth}"
                raise ApiError(400, "42712", f'table name "{label}" specified more than once')
            names.add(item.output_name)


def _no_spread_aggregates() -> ApiError:
    return ApiError(
        400,
        "PGRST127",
        "Feature not implemented",
        details="Aggregates are not implemented for spreads.",
    )
