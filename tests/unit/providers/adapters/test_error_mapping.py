from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import httpx2
import pytest

from providers.adapters.http.error_mapping import (
    LONGEST_RETRY_AFTER,
    MAX_MESSAGE_LENGTH,
    map_payload,
    map_status,
    map_transport_error,
    sanitize,
)
from providers.errors import (
    BudgetExhausted,
    CallFailed,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    LostAnswer,
    MalformedResponse,
    ModelNotFound,
    NotSupported,
    Overloaded,
    PermissionDenied,
    RateLimited,
    TimedOut,
)
from tests.support.keys import KEYS


def status(code: int, body: object = None, **headers: str) -> CallFailed:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    ten = datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp()
    return map_status("a-vendor", code, body, named, secret="the-secret", clock=lambda: ten)


@pytest.mark.parametrize(
    ("code", "body", "expected"),
    [
        (400, {"error": {"code": "context_length_exceeded", "message": "too big"}}, ContextTooLong),
        (400, {"error": {"message": "prompt is too long: 9 tokens > 8 maximum"}}, ContextTooLong),
        (400, {"error": {"message": "no", "code": "content_filter"}}, ContentFiltered),
        (400, {"error": {"message": "Your credit balance is too low"}}, BudgetExhausted),
        (400, {"message": "bad field"}, InvalidRequest),
        (402, None, BudgetExhausted),
        (403, {"error": "nobody is allowed"}, PermissionDenied),
        (404, {"error": {"message": "Model not found", "code": "NOT_FOUND"}}, ModelNotFound),
        (404, "<html>nothing here</html>", InvalidRequest),
        (412, {"error": {"message": "account suspended"}}, BudgetExhausted),
        (422, '{"detail": "no"}', InvalidRequest),
        (429, {"code": "insufficient_quota", "message": "out of quota"}, BudgetExhausted),
        (429, {"error": {"message": "slow down"}}, RateLimited),
        (520, "not json", Overloaded),
        (400, {"error": {"message": "registry.ollama.ai/m does not support tools"}}, NotSupported),
        (404, {"error": {"message": "No endpoints found that support tool use"}}, NotSupported),
        (404, {"error": {"message": "No endpoints found that support image input"}}, NotSupported),
        (400, {"message": '"auto" tool choice requires --enable-auto-tool-choice'}, NotSupported),
        (
            400,
            {"error": {"message": 'tool_choice: type "tool" is not supported for this model.'}},
            NotSupported,
        ),
        (
            400,
            {"error": {"message": "Function tools with reasoning_effort are not supported for m"}},
            NotSupported,
        ),
        (500, {"error": {"message": "image input is not supported - hint: mmproj"}}, NotSupported),
        (400, {"error": {"message": "image input is not supported by m"}}, NotSupported),
        (
            400,
            {"error": {"message": "messages.0: image media type not supported: image/tiff"}},
            InvalidRequest,
        ),
        (400, {"error": {"message": "Invalid schema for response_format"}}, InvalidRequest),
        (400, {"error": {"message": "no", "code": "tool_use_failed"}}, MalformedResponse),
        (500, {"error": {"message": "Failed to parse input at pos 3: <x"}}, MalformedResponse),
    ],
)
def test_status_and_body_select_the_error(
    code: int, body: object, expected: type[CallFailed]
) -> None:
    error = status(code, body)

    assert type(error) is expected
    assert error.status == code


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, timedelta(seconds=7)),
        ({"retry_after": "0.5"}, timedelta(seconds=0.5)),
        ({"retry_after_ms": "250", "retry_after": "9"}, timedelta(milliseconds=250)),
        (
            {
                "retry_after": "Sat, 21 Nov 2026 10:00:30 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            timedelta(seconds=30),
        ),
        (
            {
                "retry_after": "Sat, 21 Nov 2026 09:59:30 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            timedelta(),
        ),
        (
            {
                "retry_after": "Sat, 21 Nov 2026 10:00:30 -0000",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            timedelta(seconds=30),
        ),
        (
            {
                "retry_after": "Sat, 21 Nov 2037 10:00:30 GMT",
                "date": "Sat, 21 Nov 2026 10:00:00 GMT",
            },
            LONGEST_RETRY_AFTER,
        ),
        (
            {
                "retry_after": "Sat, 21 Nov 2026 08:00:30 GMT",
                "date": "Sat, 21 Nov 2026 08:00:00 GMT",
            },
            timedelta(seconds=30),
        ),
        # Where the vendor sends no date that can be read, our clock counts. It is 10:00:00.
        ({"retry_after": "Sat, 21 Nov 2026 10:00:30 GMT"}, timedelta(seconds=30)),
        ({"retry_after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "x"}, timedelta(seconds=30)),
        ({"retry_after": "Sat, 21 Nov 2026 09:00:00 GMT"}, timedelta()),
        ({"retry_after": "Sun, 22 Nov 2026 10:00:01 GMT"}, LONGEST_RETRY_AFTER),
        ({"retry_after": "Sat, 99 Nov 2026 10:00:30 GMT", "date": "x"}, None),
        ({"retry_after": "0"}, timedelta()),
        ({"retry_after": "86399"}, timedelta(seconds=86399)),
        ({"retry_after": "198300"}, LONGEST_RETRY_AFTER),
        ({"retry_after": "1e308"}, LONGEST_RETRY_AFTER),
        ({"retry_after_ms": "1e308"}, LONGEST_RETRY_AFTER),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "-3"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(
    headers: dict[str, str], wait: timedelta | None
) -> None:
    assert status(429, None, **headers).retry_after == wait


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": {"type": "overloaded_error", "message": "busy"}}, Overloaded),
        ({"error": {"type": "rate_limit_error", "message": "slow"}}, RateLimited),
        ({"error": {"message": "slow", "code": 429}}, RateLimited),
        ({"error": "it broke"}, Overloaded),
        ("it broke", Overloaded),
        (None, Overloaded),
    ],
)
def test_a_payload_after_success_is_classified_by_its_own_words(
    payload: object, expected: type[CallFailed]
) -> None:
    assert type(map_payload("a-vendor", payload, secret="")) is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectTimeout("slow"), TimedOut),
        (httpx2.ConnectTimeout("slow"), TimedOut),
        (httpx.ReadError("cut"), ConnectionFailed),
        (httpx2.RemoteProtocolError("cut"), ConnectionFailed),
        (ConnectionResetError("cut"), ConnectionFailed),
    ],
)
def test_both_http_stacks_fail_alike(error: Exception, expected: type[CallFailed]) -> None:
    failed = map_transport_error("a-vendor", error, connect=timedelta(seconds=1), secret="")

    assert type(failed) is expected
    assert failed.retryable


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_no_error_of_a_connection_names_a_class(library: Any) -> None:
    kinds = [each for each in vars(library).values() if isinstance(each, type)]
    errors = [each for each in kinds if issubclass(each, library.TransportError)]

    for error in [*errors, ConnectionResetError, OSError]:
        failed = map_transport_error("a-vendor", error(""), connect=timedelta(seconds=1), secret="")
        assert error.__name__ not in str(failed)
        assert "Error" not in str(failed)

    assert len(errors) > 10


@pytest.mark.parametrize(
    "text",
    [
        "wrong key the-secret!",
        "Incorrect API key provided: sk-proj-abc***********xyz",
        *(f"{key} is unknown" for key in KEYS.values()),
        "header Bearer abc.def-ghi",
    ],
)
def test_keys_never_reach_an_error(text: str) -> None:
    message = str(status(401, {"error": {"message": text}}))

    assert "[redacted]" in message
    for secret in ("the-secret", "sk-proj", "abc.def", *KEYS.values()):
        assert secret not in message


def test_long_texts_of_a_vendor_are_shortened() -> None:
    assert sanitize("x" * MAX_MESSAGE_LENGTH, "") == "x" * MAX_MESSAGE_LENGTH
    assert sanitize("x" * (MAX_MESSAGE_LENGTH + 1), "") == "x" * (MAX_MESSAGE_LENGTH - 1) + "…"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (399, RateLimited),
        (400, InvalidRequest),
        (599, Overloaded),
        (600, RateLimited),
        ("400", RateLimited),
        (10**18, RateLimited),
    ],
)
def test_a_status_in_a_stream_counts_where_it_is_one(
    said: object, expected: type[CallFailed]
) -> None:
    payload = {"error": {"status": said, "type": "rate_limit_error", "message": "no"}}

    assert type(map_payload("a-vendor", payload, secret="")) is expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (300, ConnectionFailed),
        (399, ConnectionFailed),
        (405, InvalidRequest),
        (498, InvalidRequest),
        (499, Overloaded),
        (500, Overloaded),
    ],
)
def test_a_status_without_words_has_a_class(code: int, expected: type[CallFailed]) -> None:
    assert type(status(code)) is expected


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (
            {"error": {"message": "Failed to parse input at pos 0: <a>\n b"}},
            LostAnswer(text="<a>\n b", is_whole=True),
        ),
        (
            {"error": {"message": "Failed to parse input at pos 120: <a>"}},
            LostAnswer(text="<a>"),
        ),
        (
            {"error": "error parsing tool call: raw='it's', err=x', err=invalid"},
            LostAnswer(text="it's', err=x", is_call=True),
        ),
        (
            {"error": {"message": "output does not match the expected peg-gemma4 format"}},
            LostAnswer(),
        ),
        ('{"error":{"message":"Failed to parse input at pos 0: a\\n', LostAnswer()),
    ],
)
def test_an_answer_that_a_server_could_not_read_is_kept(body: object, lost: LostAnswer) -> None:
    error = map_status("v", 500, body, {}, secret="")

    assert isinstance(error, MalformedResponse)
    assert error.lost == lost


def test_a_quoted_answer_is_only_shown_shortened_and_without_keys() -> None:
    key = "sk-" + "a1B2" * 12
    message = f"Failed to parse input at pos 0: {key} " + "x" * 50_000

    error = map_status("v", 500, {"error": {"message": message}}, {}, secret=key)

    assert isinstance(error, MalformedResponse)
    assert len(str(error)) < 1_000
    assert key not in f"{error} {error!r} {error.lost!r}"
    assert error.lost is not None
    assert len(error.lost.text) > 50_000
