"""Answers of the database as HTTP responses."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote as percent

from starlette.responses import Response

from embedded.rest.errors import ApiError, bad_range, not_single, put_mismatch
from embedded.rest.request.header_field import is_final_status, is_header_field, may_have_body
from embedded.rest.request.headers import Media, Shape
from embedded.rest.request.preferences import Preferences, Request
from embedded.rest.request.query import Clauses
from embedded.rest.transaction import Answer


def error_response(error: ApiError, *, has_body: bool) -> Response:
    """The response to a refused request."""
    headers = {**error.headers, "Content-Type": "application/json; charset=utf-8"}
    if not has_body or not may_have_body(error.status):
        return Response(b"", error.status, headers)
    return Response(json.dumps(error.body, separators=(",", ":")), error.status, headers)


def check_single(answer: Answer, media: Media) -> None:
    """Raise PGRST116 where an object was asked for and there is not exactly one row."""
    if media.shape is Shape.OBJECT and answer.page != 1:
        raise not_single(answer.page)


def check_range(answer: Answer, clauses: Clauses) -> None:
    """Raise PGRST103 where the offset lies behind the last of the counted rows."""
    if answer.total is not None and clauses.offset > answer.total:
        raise bad_range(
            f"An offset of {clauses.offset} was requested, but there are only {answer.total} rows."
        )


def check_affected(answer: Answer, preferences: Preferences) -> None:
    """Raise PGRST124 where a write touches more rows than its sender allows."""
    if preferences.max_affected is not None and answer.page > preferences.max_affected:
        raise ApiError(
            400,
            "PGRST124",
            "Query result exceeds max-affected preference constraint",
            details=f"The query affects {answer.page} rows",
        )


def check_single_write(answer: Answer) -> None:
    """Raise PGRST115 where a PUT wrote anything but one row."""
    if answer.page != 1:
        raise put_mismatch()


def read_response(
    answer: Answer,
    clauses: Clauses,
    media: Media,
    preferences: Preferences,
    *,
    request: Request = Request.READ,
    has_body: bool,
) -> Response:
    """Rows that were read, by GET or by a function: 200, or 206 for a part of the counted rows."""
    total = answer.total
    status = 206 if total is not None and answer.page < total else 200
    headers = {
        "Content-Range": _content_range(clauses.offset, answer.page, total),
        "Content-Type": media.content_type,
    }
    body = answer.body if has_body else ""
    return _finish(answer, status, headers, preferences.applied(request), body)


def void_response(answer: Answer, preferences: Preferences) -> Response:
    """A function that gives nothing back."""
    return _finish(answer, 204, {}, preferences.applied(Request.CALL))


def insert_response(
    answer: Answer,
    table: str,
    media: Media,
    preferences: Preferences,
    *,
    can_conflict: bool,
    can_tell: bool,
) -> Response:
    """Rows that were inserted: 201, or 200 when an upsert is known to have inserted none.

    Args:
        answer: what was written.
        table: its name, for Location.
        media: the form of the rows.
        preferences: what the client prefers.
        can_conflict: whether there is a key by which rows could have been merged or ignored.
        can_tell: whether the number of new rows is known.
    """
    if not can_conflict:
        preferences = preferences.without("resolution")
    applied = preferences.applied(Request.INSERT)
    headers = {"Content-Range": _total_range(answer)}
    if preferences.returns_location and (location := _location(table, answer)):
        headers["Location"] = location
    if not preferences.returns_rows:
        return _finish(answer, 201, headers, applied)
    headers["Content-Type"] = media.content_type
    merges = preferences.resolution == "merge-duplicates"
    status = 200 if merges and can_tell and answer.inserted == 0 else 201
    return _finish(answer, status, headers, applied, answer.body)


def put_response(
    answer: Answer, media: Media, preferences: Preferences, *, can_tell: bool
) -> Response:
    """The row that was put: 204, or with it 201 when it is new and 200 when it is not."""
    applied = preferences.applied(Request.PUT)
    if not preferences.returns_rows:
        return _finish(answer, 204, {}, applied)
    status = 201 if can_tell and answer.inserted else 200
    return _finish(answer, status, {"Content-Type": media.content_type}, applied, answer.body)


def update_response(answer: Answer, media: Media, preferences: Preferences) -> Response:
    """Rows that were changed: 200 with them, else 204."""
    content_range = _content_range(0, answer.page, answer.total)
    return _changed(answer, content_range, media, preferences, Request.UPDATE)


def delete_response(answer: Answer, media: Media, preferences: Preferences) -> Response:
    """Rows that were deleted: 200 with them, else 204."""
    return _changed(answer, _total_range(answer), media, preferences, Request.DELETE)


def _changed(
    answer: Answer, content_range: str, media: Media, preferences: Preferences, request: Request
) -> Response:
    applied = preferences.applied(request)
    headers = {"Content-Range": content_range}
    if not preferences.returns_rows:
        return _finish(answer, 204, headers, applied)
    headers["Content-Type"] = media.content_type
    return _finish(answer, 200, headers, applied, answer.body)


def _finish(
    answer: Answer, status: int, headers: dict[str, str], applied: str, content: str = ""
) -> Response:
    if applied:
        headers["Preference-Applied"] = applied
    status = _chosen_status(answer) or status
    response = Response(content if may_have_body(status) else "", status, headers)
    for name, value in _chosen_headers(answer):
        response.headers[name] = value
    return response


def _chosen_status(answer: Answer) -> int | None:
    """The status that SQL chose with `response.status`."""
    if answer.status is None:
        return None
    if not re.fullmatch(r"[0-9]{3}", answer.status) or not is_final_status(int(answer.status)):
        raise ApiError(500, "PGRST112", "response.status guc must be a valid status code")
    return int(answer.status)


def _chosen_headers(answer: Answer) -> list[tuple[str, str]]:
    """The headers that SQL chose with `response.headers`, a JSON array of objects of one key."""
    if answer.headers is None:
        return []
    try:
        chosen: list[Mapping[str, str]] = json.loads(answer.headers)
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


def _total_range(answer: Answer) -> str:
    return f"*/{'*' if answer.total is None else answer.total}"


def _content_range(offset: int, page: int, total: int | None) -> str:
    rows = f"{offset}-{offset + page - 1}" if page else "*"
    return f"{rows}/{'*' if total is None else total}"


def _location(table: str, answer: Answer) -> str | None:
    """Where the one new row is."""
    if answer.page != 1 or not answer.body:
        return None
    row: Mapping[str, str] = json.loads(answer.body)[0]
    keys = "&".join(f"{percent(name)}=eq.{percent(value)}" for name, value in row.items())
    return f"/{percent(table)}?{keys}"
