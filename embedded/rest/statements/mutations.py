"""SQL statements for inserts, updates and deletes."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Sequence

from embedded.rest.errors import ApiError, bad_body, put_mismatch, unwritable_column
from embedded.rest.request.body import RequestBody
from embedded.rest.request.filters import ComparisonPredicate, Filter
from embedded.rest.request.headers import Media
from embedded.rest.request.preferences import RestPreferences
from embedded.rest.request.query import Clauses, Query
from embedded.rest.request.select import AllColumns, Embed, SelectedField
from embedded.rest.schema.objects import Relation, Schema, quote_identifier
from embedded.rest.schema.relationships import resolve_relationship
from embedded.rest.statements.fragments import (
    Parameters,
    SqlScope,
    Statement,
    build_condition,
    build_result_select,
    build_rows_body,
    build_where,
)
from embedded.rest.statements.reads import SelectBuilder


class MutationBuilder:
    """Builder of one writing statement on `relation`."""

    def __init__(
        self,
        schema: Schema,
        relation: Relation,
        query: Query,
        preferences: RestPreferences,
        media: Media,
    ) -> None:
        self._schema = schema
        self._relation = relation
        self._query = query
        self._preferences = preferences
        self._media = media
        self._parameters = Parameters()

    def insert(self, payload: RequestBody) -> Statement:
        """Build the statement of a POST, which inserts a row per object."""
        if not payload.is_object:
            raise bad_body()
        names = self._check_columns(payload)
        if payload.is_empty:
            return self._build_empty()
        target = f"insert into {self._relation.sql} as t0"
        if not names:
            write = f"{target} default values"
        else:
            listed = ", ".join(quote_identifier(name) for name in names)
            values = ", ".join(f"_new.{quote_identifier(name)}" for name in names)
            write = f"{target} ({listed}) select {values} from {self._build_rows(payload, names)}"
        keys = self._query.on_conflict or self._relation.primary_key
        resolution = self._preferences.resolution
        return self._build_statement(write + self._build_on_conflict(names, keys, resolution))

    def put(self, payload: RequestBody) -> Statement:
        """Build the statement of a PUT, which inserts or replaces the row of the URL."""
        if not payload.is_object:
            raise bad_body()
        key_values = self._parse_url_key()
        names = self._check_columns(payload)
        if payload.is_empty or not key_values.keys() <= set(names):
            raise put_mismatch()
        listed = ", ".join(quote_identifier(name) for name in names)
        values = ", ".join(f"_new.{quote_identifier(name)}" for name in names)
        rows = self._build_rows(payload, names)
        same = [
            f"_new.{quote_identifier(name)} = {self._parameters.bind(value)}"
            f"::{self._relation.columns[name].type}"
            for name, value in key_values.items()
        ]
        return self._build_statement(
            f"insert into {self._relation.sql} as t0 ({listed}) select {values} from {rows}"
            + build_where(same)
            + self._build_on_conflict(names, tuple(key_values), "merge-duplicates")
        )

    def _parse_url_key(self) -> dict[str, str]:
        """Return the values of the primary key, the only filters that PUT allows."""
        root = self._query.root
        if root.limit is not None or root.offset:
            raise ApiError(
                400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"
            )
        key: dict[str, str] = {}
        for condition in root.conditions:
            match condition:
                case Filter(field, ComparisonPredicate("eq", value, None), False) if not field.path:
                    key[field.name] = value
                case _:
                    raise _bad_key_error()
        if not key or key.keys() != set(self._relation.primary_key):
            raise _bad_key_error()
        return key

    def update(self, payload: RequestBody) -> Statement:
        """Build the statement of a PATCH; raise 21000 without a filter, as hosted projects do."""
        if not payload.is_object:
            raise bad_body()
        names = self._check_columns(payload)
        where = self._build_where_clause("UPDATE")
        if not names:
            return self._build_empty()
        values = ", ".join(
            f"{quote_identifier(name)} = _new.{quote_identifier(name)}" for name in names
        )
        rows = f"(select * from {self._build_rows(payload, names, defaults=False)} limit 1) as _new"
        return self._build_statement(
            f"update {self._relation.sql} as t0 set {values} from {rows}{where}"
        )

    def delete(self) -> Statement:
        """Build the statement of a DELETE; raise 21000 without a filter."""
        where = self._build_where_clause("DELETE")
        return self._build_statement(f"delete from {self._relation.sql} as t0{where}")

    def _check_columns(self, payload: RequestBody) -> tuple[str, ...]:
        names = payload.keys if self._query.columns is None else self._query.columns
        for name in names:
            if name not in self._relation.columns:
                raise unwritable_column(self._relation.name, name)
        return names

    def _build_rows(
        self, payload: RequestBody, names: Sequence[str], *, defaults: bool = True
    ) -> str:
        """Return a table expression `_new` of the objects in the body."""
        columns = self._relation.columns
        typed = ", ".join(f"{quote_identifier(name)} {columns[name].type}" for name in names)
        body = self._parameters.bind(payload.as_array)
        if not (defaults and self._preferences.missing_is_default):
            return f"json_to_recordset({body}::json) as _new({typed})"
        pairs = ", ".join(
            f"{self._parameters.bind(name)}, ({default})"
            for name in names
            if (default := columns[name].default) is not None
        )
        merged = f"jsonb_build_object({pairs}) || _object"
        return (
            f"jsonb_array_elements({body}::jsonb) as _object,"
            f" jsonb_to_record({merged}) as _new({typed})"
        )

    def _build_on_conflict(
        self, names: Sequence[str], keys: Sequence[str], resolution: str | None
    ) -> str:
        if resolution is None or not keys:
            return ""
        for key in keys:
            if key not in self._relation.columns:
                raise unwritable_column(self._relation.name, key)
        target = f" on conflict ({', '.join(quote_identifier(key) for key in keys)})"
        if resolution == "ignore-duplicates" or not names:
            return f"{target} do nothing"
        values = ", ".join(
            f"{quote_identifier(name)} = excluded.{quote_identifier(name)}" for name in names
        )
        return f"{target} do update set {values}"

    def _build_where_clause(self, verb: str) -> str:
        conditions = self._query.root.conditions
        if not conditions:
            raise ApiError(400, "21000", f"{verb} requires a WHERE clause")
        scope = SqlScope(self._relation, "t0", self._relation.name)
        return build_where([build_condition(each, scope, self._parameters) for each in conditions])

    def _build_empty(self) -> Statement:
        """Build a statement that affects no row, since there is nothing to write."""
        result = build_result_select("'[]'", source="(select where false)", total="0")
        return Statement(result, Parameters())

    def _build_statement(self, write: str) -> Statement:
        total = "count(*)" if self._preferences.counts_written else "null::int8"
        if self._preferences.returns_rows:
            return self._build_statement_with_rows(write, total)
        body, returned = "''", "1"
        if self._preferences.returns_location and self._relation.primary_key:
            body = "coalesce(json_agg(_row.*)::text, '[]')"
            returned = ", ".join(
                f"t0.{quote_identifier(name)}::text as {quote_identifier(name)}"
                for name in self._relation.primary_key
            )
        result = build_result_select(body, source="written", total=total)
        return Statement(
            f"with written as ({write} returning {returned}) {result}", self._parameters
        )

    def _build_statement_with_rows(self, write: str, total: str) -> Statement:
        # The conditions of the root selected the written rows and may not hold for the new ones.
        clauses = Clauses(order=self._query.root.order)
        reader = SelectBuilder(self._schema, self._query, self._parameters)
        root = reader.build_root(
            self._relation,
            label=self._relation.name,
            clauses=clauses,
            is_limited=False,
            is_written=True,
        )
        inserted = "0"
        names = self._list_returned_columns()
        columns = ", ".join(f"t0.{quote_identifier(name)}" for name in names) or "null as _nothing"
        returned = columns
        if "on conflict" in write and self._relation.reports_inserts:
            returned += ", (t0.xmax = 0) as _inserted"
            inserted = "(select count(*) from written where _inserted)"
        read = root.select(f"(select {columns} from written as t0) as t0")
        result = build_result_select(
            build_rows_body(self._media), source="source", total=total, inserted=inserted
        )
        return Statement(
            f"with written as ({write} returning {returned}), source as ({read}) {result}",
            self._parameters,
        )

    def _list_returned_columns(self) -> list[str]:
        """Return the columns of the response; the role may not be allowed to read others."""
        names: dict[str, None] = {}
        for item in self._query.select:
            match item:
                case AllColumns():
                    names.update(dict.fromkeys(self._relation.columns))
                case SelectedField():
                    names[item.field.name] = None
                case Embed():
                    relationship = resolve_relationship(self._schema, self._relation, item)
                    names.update((here, None) for here, _ in relationship.columns)
        names.update(
            (term.field.name, None) for term in self._query.root.order if not term.relation
        )
        relation = self._relation
        return [name for name in names if name in relation.columns or name in relation.computed]


def _bad_key_error() -> ApiError:
    return ApiError(
        405,
        "PGRST105",
        "Filters must include all and only primary key columns with 'eq' operators",
    )
