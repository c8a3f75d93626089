"""HTTP responses from the results of statements."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote as percent

from starlette.responses import Response

from embedded.rest.errors import (
    ApiError,
    bad_range,
    is_final_status,
    is_header_field,
    may_have_body,
    not_single,
    put_mismatch,
)
from embedded.rest.request.headers import Media, Shape
from embedded.rest.request.preferences import RequestKind, RestPreferences
from embedded.rest.request.query import Clauses
from embedded.rest.transaction import StatementResult


def build_error_response(error: ApiError, *, has_body: bool) -> Response:
    """Build the response to an error."""
    headers = {**error.headers, "Content-Type": "application/json; charset=utf-8"}
    if not has_body or not may_have_body(error.status):
        return Response(b"", error.status, headers)
    return Response(json.dumps(error.body, separators=(",", ":")), error.status, headers)


def may_refuse(media: Media, preferences: RestPreferences, clauses: Clauses | None = None) -> bool:
    """Return whether one of the checks below may fail, after which nothing may be committed."""
    return (
        media.shape is Shape.OBJECT
        or preferences.max_affected is not None
        or (clauses is not None and clauses.offset > 0)
    )


def check_single(result: StatementResult, media: Media) -> None:
    """Raise PGRST116 if an object was requested and there is not exactly one row."""
    if media.shape is Shape.OBJECT and result.page != 1:
        raise not_single(result.page)


def check_range(result: StatementResult, clauses: Clauses) -> None:
    """Raise PGRST103 if the offset is greater than the number of rows."""
    if result.total is not None and clauses.offset > result.total:
        raise bad_range(
            f"An offset of {clauses.offset} was requested, but there are only {result.total} rows."
        )


def check_affected(result: StatementResult, preferences: RestPreferences) -> None:
    """Raise PGRST124 if a write affects more rows than the client allows."""
    if preferences.max_affected is not None and result.page > preferences.max_affected:
        raise ApiError(
            400,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
            details=f"The query affects {result.page} rows",
        )


def check_single_write(result: StatementResult) -> None:
    """Raise PGRST115 unless a PUT wrote one row."""
    if result.page != 1:
        raise put_mismatch()


def build_read_response(
    result: StatementResult,
    clauses: Clauses,
    media: Media,
    preferences: RestPreferences,
    *,
    kind: RequestKind = RequestKind.READ,
    has_body: bool,
) -> Response:
    """Build the response to a read or call: 200, or 206 for a part of the counted rows."""
    total = result.total
    status = 206 if total is not None and result.page < total else 200
    headers = {
        "Content-Range": _format_content_range(clauses.offset, result.page, total),
        "Content-Type": media.content_type,
    }
    body = result.body if has_body else ""
    return _build_response(result, status, headers, preferences.format_applied(kind), body)


def build_void_response(result: StatementResult, preferences: RestPreferences) -> Response:
    """Build the response to a call of a function without result."""
    return _build_response(result, 204, {}, preferences.format_applied(RequestKind.CALL))


def build_insert_response(
    result: StatementResult,
    table: str,
    media: Media,
    preferences: RestPreferences,
    *,
    can_conflict: bool,
    reports_inserts: bool,
) -> Response:
    """Build the response to an insert: 201, or 200 if an upsert inserted no row.

    Args:
        result: of the statement.
        table: its name, for Location.
        media: the format of the rows.
        preferences: of the client.
        can_conflict: whether a key exists by which rows could be merged or ignored.
        reports_inserts: whether the number of new rows is known.
    """
    if not can_conflict:
        preferences = preferences.without("resolution")
    applied = preferences.format_applied(RequestKind.INSERT)
    headers = {"Content-Range": _format_total(result)}
    if preferences.returns_location and (location := _format_location(table, result)):
        headers["Location"] = location
    if not preferences.returns_rows:
        return _build_response(result, 201, headers, applied)
    headers["Content-Type"] = media.content_type
    merges = preferences.resolution == "merge-duplicates"
    status = 200 if merges and reports_inserts and result.inserted == 0 else 201
    return _build_response(result, status, headers, applied, result.body)


def build_put_response(
    result: StatementResult, media: Media, preferences: RestPreferences, *, reports_inserts: bool
) -> Response:
    """Build the response to a PUT: 204, or with the row 201 if it is new, otherwise 200."""
    applied = preferences.format_applied(RequestKind.PUT)
    if not preferences.returns_rows:
        return _build_response(result, 204, {}, applied)
    status = 201 if reports_inserts and result.inserted else 200
    return _build_response(
        result, status, {"Content-Type": media.content_type}, applied, result.body
    )


def build_change_response(
    result: StatementResult, media: Media, preferences: RestPreferences, kind: RequestKind
) -> Response:
    """Build the response to an update or delete: 200 with the rows, otherwise 204."""
    content_range = _format_total(result)
    if kind is RequestKind.UPDATE:
        content_range = _format_content_range(0, result.page, result.total)
    applied = preferences.format_applied(kind)
    headers = {"Content-Range": content_range}
    if not preferences.returns_rows:
        return _build_response(result, 204, headers, applied)
    headers["Content-Type"] = media.content_type
    return _build_response(result, 200, headers, applied, result.body)


def _build_response(
    result: StatementResult, status: int, headers: dict[str, str], applied: str, content: str = ""
) -> Response:
    if applied:
        headers["Preference-Applied"] = applied
    status = _parse_status(result) or status
    response = Response(content if may_have_body(status) else "", status, headers)
    for name, value in _parse_headers(result):
        response.headers[name] = value
    return response


def _parse_status(result: StatementResult) -> int | None:
    """Return the status that SQL set in `response.status`, or None."""
    if result.status is None:
        return None
    if not re.fullmatch(r"[0-9]{3}", result.status) or not is_final_status(int(result.status)):
        raise ApiError(500, "PGRST112", "response.status guc must be a valid status code")
    return int(result.status)


def _parse_headers(result: StatementResult) -> list[tuple[str, str]]:
    """Return the headers that SQL set in `response.headers`, a JSON array of objects."""
    if result.headers is None:
        return []
    try:
        chosen: list[Mapping[str, str]] = json.loads(result.headers)
        pairs = [pair for each in chosen for pair in each.items()]
        is_sendable = all(is_header_field(name, value) for name, value in pairs)
    except (ValueError, AttributeError, TypeError):
        is_sendable, pairs = False, []
    if not is_sendable:
        raise ApiError(
            500,
            "PGRST111",
            "response.headers guc must be a JSON array composed of objects with a single key"
            " and a string value",
        )
    return pairs


def _format_total(result: StatementResult) -> str:
    return f"*/{'*' if result.total is None else result.total}"


def _format_content_range(offset: int, page: int, total: int | None) -> str:
    rows = f"{offset}-{offset + page - 1}" if page else "*"
    return f"{rows}/{'*' if total is None else total}"


def _format_location(table: str, result: StatementResult) -> str | None:
    """Return the location of a single new row, or None."""
    if result.page != 1 or not result.body:
        return None
    row: Mapping[str, str] = json.loads(result.body)[0]
    keys = "&".join(f"{percent(name)}=eq.{percent(value)}" for name, value in row.items())
    return f"/{percent(table)}?{keys}"
