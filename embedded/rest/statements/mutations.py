"""Inserts, updates and deletes as SQL."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Sequence

from embedded.rest.errors import ApiError, bad_body, put_mismatch, unwritable_column
from embedded.rest.request.body import Payload
from embedded.rest.request.filters import Comparison, Filter
from embedded.rest.request.headers import Media
from embedded.rest.request.preferences import Preferences
from embedded.rest.request.query import Clauses, Query
from embedded.rest.request.select import AllColumns, Embed, SelectedField
from embedded.rest.schema.relationships import resolve
from embedded.rest.schema.tables import Relation, Schema, quote
from embedded.rest.statements.reads import Reader
from embedded.rest.statements.sql import (
    Parameters,
    Scope,
    Statement,
    answer_sql,
    condition_sql,
    rows_body,
    where_sql,
)


class Writer:
    """Builds one writing statement on `relation`."""

    def __init__(
        self,
        schema: Schema,
        relation: Relation,
        query: Query,
        preferences: Preferences,
        media: Media,
    ) -> None:
        self._schema = schema
        self._relation = relation
        self._query = query
        self._preferences = preferences
        self._media = media
        self._parameters = Parameters()

    def insert(self, payload: Payload) -> Statement:
        """POST: one row for each object."""
        if not payload.is_object:
            raise bad_body()
        names = self._written(payload)
        if payload.is_empty:
            return self._nothing()
        target = f"insert into {self._relation.sql} as t0"
        if not names:
            write = f"{target} default values"
        else:
            listed = ", ".join(quote(name) for name in names)
            values = ", ".join(f"_new.{quote(name)}" for name in names)
            write = f"{target} ({listed}) select {values} from {self._rows(payload, names)}"
        keys = self._query.on_conflict or self._relation.primary_key
        resolution = self._preferences.resolution
        return self._statement(write + self._on_conflict(names, keys, resolution))

    def put(self, payload: Payload) -> Statement:
        """PUT: the one row that the URL names by its primary key, new or in place of the old."""
        if not payload.is_object:
            raise bad_body()
        wanted = self._key_of_url()
        names = self._written(payload)
        if payload.is_empty or not wanted.keys() <= set(names):
            raise put_mismatch()
        listed = ", ".join(quote(name) for name in names)
        values = ", ".join(f"_new.{quote(name)}" for name in names)
        rows = self._rows(payload, names)
        same = [
            f"_new.{quote(name)} = {self._parameters.text(value)}"
            f"::{self._relation.columns[name].type}"
            for name, value in wanted.items()
        ]
        return self._statement(
            f"insert into {self._relation.sql} as t0 ({listed}) select {values} from {rows}"
            + where_sql(same)
            + self._on_conflict(names, tuple(wanted), "merge-duplicates")
        )

    def _key_of_url(self) -> dict[str, str]:
        """The values of the primary key; PUT takes no other filter."""
        root = self._query.root
        if root.limit is not None or root.offset:
            raise ApiError(
                400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT"
            )
        key: dict[str, str] = {}
        for condition in root.conditions:
            match condition:
                case Filter(field, Comparison("eq", value, None), False) if not field.path:
                    key[field.name] = value
                case _:
                    raise _bad_key()
        if not key or key.keys() != set(self._relation.primary_key):
            raise _bad_key()
        return key

    def update(self, payload: Payload) -> Statement:
        """PATCH: raises 21000 without a filter, as the database of a hosted project does."""
        if not payload.is_object:
            raise bad_body()
        names = self._written(payload)
        where = self._where("UPDATE")
        if not names:
            return self._nothing()
        values = ", ".join(f"{quote(name)} = _new.{quote(name)}" for name in names)
        rows = f"(select * from {self._rows(payload, names, defaults=False)} limit 1) as _new"
        return self._statement(f"update {self._relation.sql} as t0 set {values} from {rows}{where}")

    def delete(self) -> Statement:
        """DELETE: raises 21000 without a filter."""
        where = self._where("DELETE")
        return self._statement(f"delete from {self._relation.sql} as t0{where}")

    def _written(self, payload: Payload) -> tuple[str, ...]:
        names = payload.keys if self._query.columns is None else self._query.columns
        for name in names:
            if name not in self._relation.columns:
                raise unwritable_column(self._relation.name, name)
        return names

    def _rows(self, payload: Payload, names: Sequence[str], *, defaults: bool = True) -> str:
        """The objects of the body as rows named `_new`."""
        columns = self._relation.columns
        typed = ", ".join(f"{quote(name)} {columns[name].type}" for name in names)
        body = self._parameters.text(payload.as_array)
        if not (defaults and self._preferences.missing_is_default):
            return f"json_to_recordset({body}::json) as _new({typed})"
        pairs = ", ".join(
            f"{self._parameters.text(name)}, ({default})"
            for name in names
            if (default := columns[name].default) is not None
        )
        merged = f"jsonb_build_object({pairs}) || _object"
        return (
            f"jsonb_array_elements({body}::jsonb) as _object,"
            f" jsonb_to_record({merged}) as _new({typed})"
        )

    def _on_conflict(
        self, names: Sequence[str], keys: Sequence[str], resolution: str | None
    ) -> str:
        if resolution is None or not keys:
            return ""
        for key in keys:
            if key not in self._relation.columns:
                raise unwritable_column(self._relation.name, key)
        target = f" on conflict ({', '.join(quote(key) for key in keys)})"
        if resolution == "ignore-duplicates" or not names:
            return f"{target} do nothing"
        values = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names)
        return f"{target} do update set {values}"

    def _where(self, verb: str) -> str:
        conditions = self._query.root.conditions
        if not conditions:
            raise ApiError(400, "21000", f"{verb} requires a WHERE clause")
        scope = Scope(self._relation, "t0", self._relation.name)
        return where_sql([condition_sql(each, scope, self._parameters) for each in conditions])

    def _nothing(self) -> Statement:
        """No columns to set or no objects to insert: no row is touched."""
        answer = answer_sql("'[]'", source="(select where false)", total="0")
        return Statement(answer, Parameters())

    def _statement(self, write: str) -> Statement:
        total = "count(*)" if self._preferences.counts_written else "null::int8"
        if self._preferences.returns_rows:
            return self._with_rows(write, total)
        body, returned = "''", "1"
        if self._preferences.returns_location and self._relation.primary_key:
            body = "coalesce(json_agg(_row.*)::text, '[]')"
            returned = ", ".join(
                f"t0.{quote(name)}::text as {quote(name)}" for name in self._relation.primary_key
            )
        answer = answer_sql(body, source="written", total=total)
        return Statement(
            f"with written as ({write} returning {returned}) {answer}", self._parameters
        )

    def _with_rows(self, write: str, total: str) -> Statement:
        # The root's conditions chose the rows that were written; they do not hold for the new ones.
        clauses = Clauses(order=self._query.root.order)
        reader = Reader(self._schema, self._query, self._parameters)
        root = reader.root(
            self._relation,
            label=self._relation.name,
            clauses=clauses,
            is_limited=False,
            is_written=True,
        )
        inserted = "0"
        names = self._returned()
        columns = ", ".join(f"t0.{quote(name)}" for name in names) or "null as _nothing"
        returned = columns
        if "on conflict" in write and self._relation.tells_inserts:
            returned += ", (t0.xmax = 0) as _inserted"
            inserted = "(select count(*) from written where _inserted)"
        read = root.select(f"(select {columns} from written as t0) as t0")
        answer = answer_sql(rows_body(self._media), source="source", total=total, inserted=inserted)
        return Statement(
            f"with written as ({write} returning {returned}), source as ({read}) {answer}",
            self._parameters,
        )

    def _returned(self) -> list[str]:
        """The columns that the answer is made of: a role may be allowed to see only these."""
        names: dict[str, None] = {}
        for item in self._query.select:
            match item:
                case AllColumns():
                    names.update(dict.fromkeys(self._relation.columns))
                case SelectedField():
                    names[item.field.name] = None
                case Embed():
                    way = resolve(self._schema, self._relation, item)
                    names.update((here, None) for here, _ in way.columns)
        names.update(
            (term.field.name, None) for term in self._query.root.order if not term.relation
        )
        relation = self._relation
        return [name for name in names if name in relation.columns or name in relation.computed]


def _bad_key() -> ApiError:
    return ApiError(
        405,
        "PGRST105",
        "Filters must include all and only primary key columns with 'eq' operators",
    )
