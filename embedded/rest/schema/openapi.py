"""The OpenAPI (Swagger 2.0) document at the root, built from the schema.

Source: https://docs.postgrest.org/en/stable/references/api/openapi.html
"""

from collections.abc import Mapping
from typing import Any, Final

from embedded.rest.schema.objects import (
    Column,
    Function,
    FunctionArgument,
    Relation,
    Relationship,
    Schema,
)

_TYPES: Final[Mapping[str, str]] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "number",
    "real": "number",
    "double precision": "number",
    "boolean": "boolean",
}
_OK: Final[dict[str, Any]] = {"description": "OK"}
_NO_CONTENT: Final[dict[str, Any]] = {"description": "No Content"}
_REFUSED: Final[dict[str, Any]] = {
    "description": "An error",
    "schema": {
        "type": "object",
        "required": ["code", "message", "details", "hint"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    },
}
_FORMS: Final = [
    "application/json",
    "application/vnd.pgrst.object+json;nulls=stripped",
    "application/vnd.pgrst.object+json",
    "text/csv",
]
_RANGE: Final = ("range", "rangeUnit", "offset", "limit")


def build_openapi(schema: Schema) -> dict[str, Any]:
    """Build a Swagger 2.0 document of the exposed schema."""
    paths: dict[str, Any] = {"/": {"get": _build_root()}}
    for relation in schema.relations.values():
        paths[f"/{relation.name}"] = _build_operations(relation)
    for overloads in schema.functions.values():
        paths[f"/rpc/{overloads[0].name}"] = _build_calls(overloads[0])
    return {
        "swagger": "2.0",
        "info": {"title": "standard public schema", "description": "", "version": "14"},
        "basePath": "/rest/v1/",
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": _FORMS,
        "paths": dict(sorted(paths.items())),
        "definitions": {
            name: _build_definition(each, schema.relationships.get(name, ()))
            for name, each in schema.relations.items()
        },
        "parameters": _build_parameters(schema),
        "externalDocs": {
            "description": "PostgREST Documentation",
            "url": "https://docs.postgrest.org/en/stable/references/api.html",
        },
    }


def _build_root() -> dict[str, Any]:
    return {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": ["application/openapi+json", "application/json"],
        "responses": {"200": _OK, "default": _REFUSED},
    }


def _build_operations(relation: Relation) -> dict[str, Any]:
    filters = [_build_reference(f"rowFilter.{relation.name}.{name}") for name in relation.columns]
    body = _build_reference(f"body.{relation.name}")
    common: dict[str, Any] = {"tags": [relation.name]}
    if relation.comment:
        summary, _, description = relation.comment.partition("\n")
        common |= {"summary": summary, "description": description.strip()}
    operations = {
        "get": {
            **common,
            "parameters": [
                *filters,
                *map(_build_reference, ("select", "order", *_RANGE, "preferCount")),
            ],
            "responses": {
                "200": {**_OK, "schema": _build_rows_schema(relation)},
                "206": {"description": "Partial Content"},
                "default": _REFUSED,
            },
        }
    }
    writes = {
        "post": ([body, *map(_build_reference, ("select", "preferPost"))], {"201": "Created"}),
        "patch": ([*filters, body, _build_reference("preferReturn")], {"204": "No Content"}),
        "delete": ([*filters, _build_reference("preferReturn")], {"204": "No Content"}),
    }
    for method, (parameters, done) in writes.items():
        answers = {status: {"description": text} for status, text in done.items()}
        operations[method] = {
            **common,
            "parameters": parameters,
            "responses": {"200": _OK, **answers, "default": _REFUSED},
        }
    return operations


def _build_calls(function: Function) -> dict[str, Any]:
    common: dict[str, Any] = {
        "tags": [f"(rpc) {function.name}"],
        "produces": _FORMS[:3],
        "responses": {"200": _OK, "204": _NO_CONTENT, "206": _OK, "default": _REFUSED},
    }
    if function.comment:
        summary, _, description = function.comment.partition("\n")
        common |= {"summary": summary, "description": description.strip()}
    named = [each for each in function.arguments if each.name]
    body = {"name": "args", "in": "body", "required": True, "schema": _build_arguments(named)}
    calls = {"post": {**common, "parameters": [body]}}
    if not function.is_volatile:
        calls["get"] = {**common, "parameters": [_build_query_argument(each) for each in named]}
    return calls


def _build_arguments(named: list[FunctionArgument]) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "type": "object",
        "properties": {each.name: _build_property(each.type) for each in named},
    }
    # JSON Schema draft 4, the base of Swagger 2.0, forbids an empty list here.
    if required := [each.name for each in named if each.is_required]:
        arguments["required"] = required
    return arguments


def _build_query_argument(argument: FunctionArgument) -> dict[str, Any]:
    about: dict[str, Any] = {
        "name": argument.name,
        "in": "query",
        "required": argument.is_required,
        "type": _TYPES.get(argument.type, "string"),
        "format": argument.type,
    }
    if argument.is_variadic:
        items = _build_property(argument.type.removesuffix("[]"))
        about |= {"type": "array", "collectionFormat": "multi", "items": items}
    return about


def _build_rows_schema(relation: Relation) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/definitions/{relation.name}"}}


def _build_definition(
    relation: Relation, relationships: tuple[Relationship, ...]
) -> dict[str, Any]:
    keys = {
        relationship.columns[0][
            0
        ]: f"This is a Foreign Key to `{relationship.target}.{relationship.columns[0][1]}`."
        f"<fk table='{relationship.target}' column='{relationship.columns[0][1]}'/>"
        for relationship in relationships
        if relationship.is_single and len(relationship.columns) == 1
    }
    properties = {}
    for column in relation.columns.values():
        notes = []
        if column.name in relation.primary_key:
            notes.append("This is a Primary Key.<pk/>")
        if column.name in keys:
            notes.append(keys[column.name])
        about = _build_column(column)
        if notes:
            about["description"] = "Note:\n" + "\n".join(notes)
        properties[column.name] = about
    definition: dict[str, Any] = {"type": "object", "properties": properties}
    if relation.comment:
        definition["description"] = relation.comment
    if required := [each.name for each in relation.columns.values() if not each.is_nullable]:
        definition["required"] = required
    return definition


def _build_column(column: Column) -> dict[str, Any]:
    about = _build_property(column.type)
    if column.default is not None:
        about["default"] = column.default
    return about


def _build_property(type_: str) -> dict[str, Any]:
    if type_.endswith("[]"):
        return {
            "type": "array",
            "format": type_,
            "items": _build_property(type_.removesuffix("[]")),
        }
    if type_ in {"json", "jsonb"}:
        return {"format": type_}
    return {"type": _TYPES.get(type_, "string"), "format": type_}


def _build_parameters(schema: Schema) -> dict[str, Any]:
    """Build the shared parameters: filters by column, bodies by table, and common ones."""
    parameters: dict[str, Any] = {
        "select": _build_text_parameter("select", "query", "Filtering Columns"),
        "order": _build_text_parameter("order", "query", "Ordering"),
        "range": _build_text_parameter("Range", "header", "Limiting and Pagination"),
        "rangeUnit": {
            **_build_text_parameter("Range-Unit", "header", "Limiting and Pagination"),
            "default": "items",
        },
        "offset": _build_text_parameter("offset", "query", "Limiting and Pagination"),
        "limit": _build_text_parameter("limit", "query", "Limiting and Pagination"),
        "on_conflict": _build_text_parameter("on_conflict", "query", "On Conflict"),
        "preferReturn": _build_prefer_parameter(
            "return=representation", "return=minimal", "return=none"
        ),
        "preferCount": _build_prefer_parameter("count=none", "count=exact"),
        "preferPost": _build_prefer_parameter(
            "return=representation",
            "return=minimal",
            "return=none",
            "resolution=ignore-duplicates",
            "resolution=merge-duplicates",
        ),
    }
    for relation in schema.relations.values():
        parameters[f"body.{relation.name}"] = {
            "name": relation.name,
            "in": "body",
            "description": relation.comment or relation.name,
            "required": False,
            "schema": {"$ref": f"#/definitions/{relation.name}"},
        }
        for name in relation.columns:
            parameters[f"rowFilter.{relation.name}.{name}"] = _build_text_parameter(
                name, "query", name
            )
    return parameters


def _build_text_parameter(name: str, place: str, about: str) -> dict[str, Any]:
    return {"name": name, "in": place, "type": "string", "required": False, "description": about}


def _build_prefer_parameter(*values: str) -> dict[str, Any]:
    return {**_build_text_parameter("Prefer", "header", "Preference"), "enum": list(values)}


def _build_reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/parameters/{name}"}
