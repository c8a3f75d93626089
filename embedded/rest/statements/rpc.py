"""SQL statements for calls of functions, and the choice of the overload."""

# Every identifier comes from the schema cache and is quoted; every value is bound.
# ruff: noqa: S608

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from embedded.rest.errors import ApiError, CacheMissError, bad_body
from embedded.rest.request.body import RequestBody
from embedded.rest.request.headers import Media, Shape
from embedded.rest.request.query import Clauses, Query
from embedded.rest.schema.objects import (
    SCALAR,
    Function,
    FunctionArgument,
    ResultKind,
    Schema,
    quote_identifier,
)
from embedded.rest.statements.fragments import (
    Parameters,
    Statement,
    build_result_select,
    build_rows_body,
)
from embedded.rest.statements.reads import SelectBuilder

_KNOWN_CALLS: Final = 1000
"""How many statements a schema keeps: clients choose the order of the arguments, too."""
_SIMILAR_NAMES: Final = 0.75
_SIMILAR_ARGUMENTS: Final = 0.33


def build_plain_call(
    schema: Schema, name: str, payload: RequestBody, media: Media, *, counts: bool
) -> tuple[Function, Statement]:
    """Build the call of a POST without parameters in the URL, or take it from an earlier one.

    Its text depends on the names of the arguments, not on their values.
    """
    is_known = payload.is_object and not payload.is_array
    key = (name, payload.keys, media, counts)
    known = schema.calls.get(key) if is_known else None
    if known is not None:
        function, sql, values = known
        parameters = Parameters()
        parameters.values = [payload.text if each is None else each for each in values]
        return function, Statement(sql, parameters, function.statement_timeout)
    query = Query()
    caller = CallBuilder(schema, name, query, media)
    function = caller.choose_by_body(payload)
    statement = caller.call_with_body(function, payload, query.root, counts=counts)
    if is_known and len(schema.calls) < _KNOWN_CALLS:
        bound = statement.parameters.values
        values = tuple([None if each is payload.text else each for each in bound])
        schema.calls[key] = function, statement.sql, values
    return function, statement


class CallBuilder:
    """Builder of one call of the function `name`."""

    def __init__(self, schema: Schema, name: str, query: Query, media: Media) -> None:
        self._schema = schema
        self._name = name
        self._query = query
        self._media = media
        self._parameters = Parameters()

    def choose_by_body(self, payload: RequestBody) -> Function:
        """Return the overload that accepts the keys of the body, or the body itself."""
        is_named = payload.raw_type is not None or (payload.is_object and not payload.is_array)
        if not is_named and not any(
            _accepts_body(each, payload) for each in self._find_overloads()
        ):
            raise bad_body()
        return self._choose(payload.keys, payload)

    def choose_by_query(self) -> Function:
        """Return the overload that accepts the parameters of the URL."""
        return self._choose(tuple(dict(self._query.arguments)), None)

    def call_with_body(
        self, function: Function, payload: RequestBody, clauses: Clauses, *, counts: bool
    ) -> Statement:
        """Build the call of a POST, whose body Postgres converts to arguments."""
        body = self._parameters.bind(payload.text)
        if len(function.arguments) == 1 and not function.arguments[0].name:
            call = f"{function.sql}({body}::{function.arguments[0].type})"
            return self._build_statement(function, call, "", clauses, counts=counts)
        given = [each for each in function.arguments if each.name in payload.keys]
        if not given:
            self._parameters.values.clear()
            return self._build_statement(function, f"{function.sql}()", "", clauses, counts=counts)
        typed = ", ".join(f"{quote_identifier(each.name)} {each.type}" for each in given)
        values = ", ".join(
            _build_argument(each, f"_args.{quote_identifier(each.name)}") for each in given
        )
        source = f"json_to_record({body}::json) as _args({typed})"
        call = f"{function.sql}({values})"
        return self._build_statement(function, call, source, clauses, counts=counts)

    def call_with_query(self, function: Function, clauses: Clauses, *, counts: bool) -> Statement:
        """Build the call of a GET, whose parameters are arguments; the last of a name counts."""
        given: dict[str, list[str]] = {}
        for name, value in self._query.arguments:
            given.setdefault(name, []).append(value)
        values = ", ".join(
            _build_argument(each, self._bind_argument(each, given[each.name]))
            for each in function.arguments
            if each.name in given
        )
        return self._build_statement(
            function, f"{function.sql}({values})", "", clauses, counts=counts
        )

    def _bind_argument(self, argument: FunctionArgument, values: Sequence[str]) -> str:
        if argument.is_variadic:
            return f"{self._parameters.bind_list(values)}::{argument.type}"
        return f"{self._parameters.bind(values[-1])}::{argument.type}"

    def _find_overloads(self) -> tuple[Function, ...]:
        return self._schema.functions.get(self._name, ())

    def _choose(self, keys: Sequence[str], payload: RequestBody | None) -> Function:
        overloads = self._find_overloads()
        raw_type = payload.raw_type if payload is not None else None
        found = [
            each
            for each in overloads
            # A body that is not JSON is an argument.
            if _accepts_keys(each, keys) and (each.arguments or raw_type is None)
        ]
        if payload is not None:
            found = found or [each for each in overloads if _accepts_body(each, payload)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous_error(found)
        if raw_type is not None:
            raise _unknown_body_function_error(self._name, raw_type)
        hint = _build_hint(self._name, keys, self._schema.functions)
        raise _unknown_function_error(self._name, keys, hint, has_body=payload is not None)

    def _build_statement(
        self, function: Function, call: str, arguments: str, clauses: Clauses, *, counts: bool
    ) -> Statement:
        query, label = self._query, function.rows.name or function.name
        if function.kind is ResultKind.COMPOSITE:
            source = f"{arguments}, lateral {call} as _call" if arguments else f"{call} as _call"
            called = f"select _call.* from {source}"
            media = self._media
            if not function.returns_set and media.shape is Shape.ARRAY:
                media = Media(Shape.OBJECT, media.strips_nulls)
            body = build_rows_body(media)
        else:
            query = Query(clauses=query.clauses)
            source = f" from {arguments}" if arguments else ""
            called = f"select {call} as {quote_identifier(SCALAR)}{source}"
            value = f"_row.{quote_identifier(SCALAR)}"
            body = f"coalesce(string_agg(to_json({value})::text, ''), 'null')"
            if function.returns_set:
                body = f"coalesce(json_agg({value})::text, '[]')"
        builder = SelectBuilder(self._schema, query, self._parameters)
        root = builder.build_root(function.rows, label=label, clauses=clauses)
        total = root.count("called as t0") if counts else "null::int8"
        result = build_result_select(body, source="source", total=total)
        # Materialized, since otherwise an unread column, and so the call, would be skipped.
        return Statement(
            f"with called as materialized ({called}), source as ({root.select('called as t0')})"
            f" {result}",
            self._parameters,
            function.statement_timeout,
        )


def _accepts_keys(function: Function, keys: Sequence[str]) -> bool:
    required = {each.name for each in function.arguments if each.is_required}
    return required <= set(keys) <= {each.name for each in function.arguments}


def _accepts_body(function: Function, payload: RequestBody) -> bool:
    """Return whether the single unnamed argument can take the body."""
    types = {"json", "jsonb"} if payload.raw_type is None else {payload.raw_type}
    match function.arguments:
        case [FunctionArgument(name="", type=type_)]:
            return type_ in types
        case _:
            return False


def _build_argument(argument: FunctionArgument, value: str) -> str:
    variadic = "variadic " if argument.is_variadic else ""
    return f"{variadic}{quote_identifier(argument.name)} := {value}"


def _ambiguous_error(found: Sequence[Function]) -> ApiError:
    found = sorted(found, key=lambda each: (len(each.arguments), [a.type for a in each.arguments]))
    signatures = ", ".join(
        f"public.{each.name}({', '.join(f'{a.name} => {a.type}' for a in each.arguments)})"
        for each in found
    )
    return ApiError(
        300,
        "PGRST203",
        f"Could not choose the best candidate function between: {signatures}",
        hint="Try renaming the parameters or the function itself in the database"
        " so function overloading can be resolved",
    )


def _unknown_function_error(
    name: str, keys: Sequence[str], hint: str | None, *, has_body: bool
) -> CacheMissError:
    listed = ", ".join(sorted(keys))
    shown = f"public.{name}({listed})" if keys else f"public.{name} without parameters"
    searched = f"with parameters {listed}" if len(keys) > 1 else f"with parameter {listed}"
    searched = searched if keys else "without parameters"
    body = " or with a single unnamed json/jsonb parameter" if has_body else ""
    return CacheMissError(
        404,
        "PGRST202",
        f"Could not find the function {shown} in the schema cache",
        details=f"Searched for the function public.{name} {searched}{body},"
        " but no matches were found in the schema cache.",
        hint=hint,
    )


def _unknown_body_function_error(name: str, type_: str) -> CacheMissError:
    return CacheMissError(
        404,
        "PGRST202",
        f"Could not find the function public.{name} in the schema cache",
        details=f"Searched for the function public.{name} with a single unnamed {type_} parameter,"
        " but no matches were found in the schema cache.",
    )


def _build_hint(
    name: str, keys: Sequence[str], functions: Mapping[str, Sequence[Function]]
) -> str | None:
    """Return a hint at the arguments of a known name, or at a similar name."""
    start = "Perhaps you meant to call the function public."
    if name in functions:
        known = [_format_names(each.name for each in one.arguments) for one in functions[name]]
        similar = get_close_matches(_format_names(keys), known, n=1, cutoff=_SIMILAR_ARGUMENTS)
        return f"{start}{name}{similar[0]}" if similar else None
    similar = get_close_matches(name, functions, n=1, cutoff=_SIMILAR_NAMES)
    return f"{start}{similar[0]}" if similar else None


def _format_names(names: Iterable[str]) -> str:
    return f"({', '.join(sorted(names))})"
