import pytest

from protocol import errors
from protocol.errors import (
    CogoError,
    InvalidArgument,
    LeaseLost,
    MalformedMessage,
    MigrationMissing,
    MoveNotAllowed,
    NotFound,
    NotGranted,
    OutOfRange,
    Refused,
    StoreUnavailable,
    TooLarge,
    Unauthorized,
    all_errors,
    errors_by_sqlstate,
)

NAMED = [error for error in all_errors() if error is not Refused]


def test_codes_are_unique_and_of_our_own_sqlstate_class() -> None:
    codes = [error.code for error in NAMED]

    assert len(set(codes)) == len(codes)
    assert all(code.startswith("TQ") and len(code) == 5 for code in codes)
    assert CogoError.code not in codes


@pytest.mark.parametrize("error", NAMED)
def test_every_error_says_what_it_is_and_what_to_do(error: type[CogoError]) -> None:
    text = error.__doc__ or ""

    assert text.count(". ") >= 1, "one sentence for what happened, one for what to do"
    assert f"{error.__name__} " in (errors.__doc__ or ""), "the drawn tree lacks it"
    assert error.code in (errors.__doc__ or "")


def test_only_an_unavailable_store_is_worth_asking_again() -> None:
    assert [error for error in all_errors() if error.retryable] == [StoreUnavailable]


def test_an_error_of_the_database_is_found_by_its_code() -> None:
    assert errors_by_sqlstate() == {
        "TQ001": LeaseLost,
        "TQ002": NotFound,
        "TQ003": MoveNotAllowed,
        "TQ004": InvalidArgument,
        "TQ007": NotGranted,
        "TQ008": TooLarge,
        "TQ009": OutOfRange,
    }


def test_errors_that_no_database_raises_have_codes_of_their_own() -> None:
    found = {error.code for error in (StoreUnavailable, Unauthorized, MigrationMissing)}

    assert found == {"TQ900", "TQ901", "TQ902"}
    assert MalformedMessage.code == "TQ903"


def test_the_hint_is_part_of_what_a_person_reads() -> None:
    error = NotFound("there is no task 7", hint="`cogo tasks` lists them")

    assert str(error) == "there is no task 7 (`cogo tasks` lists them)"
    assert (error.message, error.hint) == ("there is no task 7", "`cogo tasks` lists them")
    assert str(NotFound("there is no task 7")) == "there is no task 7"
