import httpx
import pytest
from postgrest import APIError

from protocol.errors import (
    CogoError,
    InvalidArgument,
    LeaseLost,
    MigrationMissing,
    MoveNotAllowed,
    NotFound,
    OutOfRange,
    Refused,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
)
from protocol.transport.error_mapping import map_api_error, map_network_error


def failure(code: str | None, message: str | None = "why", hint: str | None = None) -> CogoError:
    answer = {"code": code, "message": message, "hint": hint, "details": None}
    return map_api_error(APIError(answer), call="cogo_claim_subtasks")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TQ001", LeaseLost),
        ("TQ002", NotFound),
        ("TQ003", MoveNotAllowed),
        ("TQ004", InvalidArgument),
        ("TQ008", TooLarge),
        ("TQ009", OutOfRange),
        ("54001", InvalidArgument),
        ("TQ099", Refused),
        ("PGRST301", Unauthorized),
        ("PGRST302", Unauthorized),
        ("PGRST303", Unauthorized),
        ("42501", Unauthorized),
        ("401", Unauthorized),
        ("403", Unauthorized),
        ("PGRST202", MigrationMissing),
        ("PGRST205", MigrationMissing),
        ("PGRST106", MigrationMissing),
        ("42883", MigrationMissing),
        ("42P01", MigrationMissing),
        ("PGRST000", StoreUnavailable),
        ("PGRST002", StoreUnavailable),
        ("PGRST003", StoreUnavailable),
        ("08006", StoreUnavailable),
        ("25006", StoreUnavailable),
        ("40001", StoreUnavailable),
        ("40P01", StoreUnavailable),
        ("53300", StoreUnavailable),
        ("55P03", StoreUnavailable),
        ("57014", StoreUnavailable),
        ("57P01", StoreUnavailable),
        ("XX000", StoreUnavailable),
        ("404", StoreUnavailable),
        ("429", StoreUnavailable),
        ("502", StoreUnavailable),
        ("520", StoreUnavailable),
        ("", StoreUnavailable),
        (None, StoreUnavailable),
        ("22P02", InvalidArgument),
        ("22023", InvalidArgument),
        ("23503", InvalidArgument),
        ("23505", InvalidArgument),
        ("21000", Refused),
        ("P0001", Refused),
        ("PGRST100", Refused),
    ],
)
def test_a_code_decides_who_must_act(code: str | None, error: type[CogoError]) -> None:
    assert type(failure(code)) is error


@pytest.mark.parametrize("message", ["Invalid API key", "No API key found in request"])
def test_the_gateway_refuses_a_key_without_a_code(message: str) -> None:
    error = failure(None, message)

    assert isinstance(error, Unauthorized)
    assert "SUPABASE_SECRET_KEY" in str(error)


def test_a_missing_function_is_named_with_the_cure() -> None:
    assert (
        str(failure("PGRST202"))
        == "cogo_claim_subtasks is missing in this project (run `cogo migrate`)"
    )


def test_a_refusal_keeps_the_words_of_the_database() -> None:
    error = failure("TQ003", "task 7 is completed and cannot become held", hint="look at it")

    assert error.message == "task 7 is completed and cannot become held"
    assert error.hint == "look at it"


def test_a_page_of_a_proxy_is_not_repeated_at_length() -> None:
    error = failure("502", "<html>" * 1000)

    assert len(str(error)) < 400
    assert "cogo_claim_subtasks" in str(error)


def test_an_answer_without_words_is_described_all_the_same() -> None:
    assert "no message" in str(failure("P0001", None))
    assert "no answer in time" in str(map_network_error(httpx.ConnectTimeout(""), call="cogo_reap"))


def test_a_request_that_cannot_be_made_is_not_retried() -> None:
    found = map_network_error(httpx.InvalidURL("URL too long"), call="cogo_turns")

    assert isinstance(found, InvalidArgument)
    assert "URL too long" in found.message


@pytest.mark.parametrize("code", ["53100", "25006", "58030"])
def test_a_database_that_cannot_write_is_said_to_be_one(code: str) -> None:
    found = failure(code, "No space left on device")

    assert isinstance(found, StoreUnavailable)
    assert "cannot write: No space left on device" in found.message
    assert "full" in (found.hint or "")
