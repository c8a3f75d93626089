"""Errors, headers and bodies of the Data API."""

import asyncpg
import pytest

from embedded.rest.errors import ApiError, translate_postgres_error
from embedded.rest.request.body import parse_body
from embedded.rest.request.headers import (
    Media,
    Shape,
    check_profile,
    parse_accept,
    parse_range,
)
from embedded.rest.request.preferences import Count, RequestKind, RestPreferences, parse_preferences
from embedded.rest.request.query import Clauses
from embedded.rest.responses import (
    build_error_response,
    build_read_response,
    build_void_response,
    check_affected,
)
from embedded.rest.transaction import StatementResult


def an_error(code: str, message: str = "boom", detail: str | None = None) -> asyncpg.PostgresError:
    error = asyncpg.PostgresError(message)
    # As asyncpg fills it from the server's message, without a constructor.
    vars(error).update(sqlstate=code, message=message, detail=detail)
    return error


def an_answer(
    *,
    page: int = 1,
    total: int | None = None,
    headers: str | None = None,
    status: str | None = None,
) -> StatementResult:
    return StatementResult(total, page, "[]", 0, headers, status)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("23503", 409),
        ("23505", 409),
        ("23514", 400),
        ("22P02", 400),
        ("25006", 405),
        ("25P02", 500),
        ("40001", 500),
        ("40P01", 500),
        ("42501", 403),
        ("42883", 404),
        ("42P01", 404),
        ("42P17", 500),
        ("42703", 400),
        ("53400", 500),
        ("53300", 503),
        ("08006", 503),
        ("57P01", 503),
        ("57014", 500),
        ("28P01", 403),
        ("P0001", 400),
        ("P0002", 500),
        ("XX000", 500),
        ("21000", 500),
        ("TQ001", 400),
        ("PT409", 409),
        ("PT199", 400),
    ],
)
def test_every_sqlstate_has_its_http_status(code: str, status: int) -> None:
    error = translate_postgres_error(an_error(code), anonymous=False)

    assert error.status == status
    assert error.body == {"code": code, "message": "boom", "details": None, "hint": None}
    assert error.headers["Proxy-Status"] == f"PostgREST; error={code}"


def test_a_missing_privilege_is_401_for_anonymous_requests() -> None:
    error = translate_postgres_error(an_error("42501"), anonymous=True)

    assert error.status == 401
    assert error.headers["WWW-Authenticate"] == "Bearer"


def test_sql_may_raise_a_whole_response() -> None:
    message = '{"code":"mine","message":"m","details":"d","hint":"h"}'
    detail = '{"status":418,"headers":{"X-Pot":"tea"}}'

    error = translate_postgres_error(an_error("PGRST", message, detail), anonymous=False)

    assert (error.status, error.headers["X-Pot"]) == (418, "tea")
    assert error.body == {"code": "mine", "message": "m", "details": "d", "hint": "h"}


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        ("no json", '{"status":400}'),
        ('{"code":"c","message":"m"}', None),
        ('{"code":"c","message":"m"}', '{"status":"x"}'),
        ('{"code":"c","message":"m"}', '{"status":101}'),
        ('{"code":"c","message":"m"}', '{"status":400,"headers":{"X":"a\\r\\nY: b"}}'),
        ('{"code":"c","message":"m"}', '{"status":400,"headers":{"Content-Length":"9"}}'),
        ("[]", "[]"),
    ],
)
def test_an_invalid_raised_response_is_a_500(message: str, detail: str | None) -> None:
    error = translate_postgres_error(an_error("PGRST", message, detail), anonymous=False)

    assert (error.status, error.code) == (500, "PGRST121")


def test_an_error_to_a_head_request_has_no_body() -> None:
    response = build_error_response(ApiError(404, "PGRST205", "gone"), has_body=False)

    assert response.body == b""
    assert response.headers["proxy-status"] == "PostgREST; error=PGRST205"


def test_a_part_of_the_counted_rows_is_a_206() -> None:
    none = RestPreferences({})

    def outcome(result: StatementResult, offset: int) -> tuple[int, str]:
        clauses = Clauses(offset=offset)
        response = build_read_response(result, clauses, Media(), none, has_body=True)
        return response.status_code, response.headers["content-range"]

    assert outcome(an_answer(page=2), 0) == (200, "0-1/*")
    assert outcome(an_answer(page=2, total=2), 0) == (200, "0-1/2")
    assert outcome(an_answer(page=2, total=9), 3) == (206, "3-4/9")
    assert outcome(an_answer(page=0, total=0), 0) == (200, "*/0")


def test_sql_may_set_status_and_headers() -> None:
    result = an_answer(status="202", headers='[{"X-A":"1"},{"X-B":"2"}]')

    response = build_read_response(result, Clauses(), Media(), RestPreferences({}), has_body=True)

    assert response.status_code == 202
    assert (response.headers["x-a"], response.headers["x-b"]) == ("1", "2")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ("nonsense", None, "PGRST111"),
        ('[{"X":1}]', None, "PGRST111"),
        ('[{"X":"a\\nb"}]', None, "PGRST111"),
        ('[{"Transfer-Encoding":"chunked"}]', None, "PGRST111"),
        (None, "teapot", "PGRST112"),
        (None, "999", "PGRST112"),
        (None, "100", "PGRST112"),
    ],
)
def test_an_invalid_status_or_header_of_sql_is_a_500(
    headers: str | None, status: str | None, code: str
) -> None:
    with pytest.raises(ApiError) as raised:
        build_void_response(an_answer(headers=headers, status=status), RestPreferences({}))

    assert (raised.value.status, raised.value.code) == (500, code)


def test_preferences_are_parsed_from_all_headers_and_echoed() -> None:
    preferences = parse_preferences(["return=minimal, count=exact", "return=representation,x=y"])

    assert preferences.count is Count.EXACT
    assert not preferences.returns_rows
    assert preferences.format_applied(RequestKind.INSERT) == "return=minimal, count=exact"
    assert preferences.format_applied(RequestKind.READ) == "count=exact"


def test_strict_handling_refuses_unknown_preferences() -> None:
    with pytest.raises(ApiError) as raised:
        parse_preferences(["handling=strict, return=never"])

    assert raised.value.code == "PGRST122"


def test_max_affected_counts_only_when_strict() -> None:
    many = an_answer(page=3)

    check_affected(many, parse_preferences(["max-affected=1"]))
    check_affected(many, parse_preferences(["handling=strict,max-affected=3"]))
    with pytest.raises(ApiError) as raised:
        check_affected(many, parse_preferences(["handling=strict,max-affected=1"]))
    assert raised.value.code == "PGRST124"


def test_the_first_supported_media_type_is_chosen() -> None:
    single = "application/vnd.pgrst.object+json;nulls=stripped"

    assert parse_accept(None) == parse_accept("text/html, */*;q=0.1") == Media()
    assert parse_accept(single) == Media(Shape.OBJECT, strips_nulls=True)
    assert parse_accept("text/csv").shape is Shape.CSV
    with pytest.raises(ApiError) as raised:
        parse_accept("text/html")
    assert (raised.value.status, raised.value.code) == (406, "PGRST107")


def test_a_range_is_an_offset_and_a_limit() -> None:
    assert parse_range("items", "0-9") == (0, 10)
    assert parse_range(None, "5-") == (5, None)
    assert parse_range("bytes", "0-9") == parse_range(None, "all") == (0, None)
    with pytest.raises(ApiError):
        parse_range("items", "9-0")


def test_only_public_is_exposed() -> None:
    check_profile(None)
    check_profile("public")
    with pytest.raises(ApiError) as raised:
        check_profile("auth")
    assert (raised.value.status, raised.value.code) == (406, "PGRST106")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"a":1}x',
        b"\xff",
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\x00"}',
        b"[" * 100_000,
        b'[{"a":1},{"b":1}]',
    ],
)
def test_a_body_that_is_not_json_is_a_400(body: bytes) -> None:
    with pytest.raises(ApiError) as raised:
        parse_body("application/json; charset=utf-8", body)

    assert (raised.value.status, raised.value.code) == (400, "PGRST102")


def test_a_number_of_any_length_is_left_to_postgres() -> None:
    body = b'{"a":' + b"9" * 10_000 + b"}"

    assert parse_body(None, body).text == body.decode()


def test_a_body_of_another_type_is_a_400() -> None:
    with pytest.raises(ApiError) as raised:
        parse_body("text/html", b"{}")

    assert raised.value.code == "PGRST102"
