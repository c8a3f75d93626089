from collections.abc import AsyncIterator

import pytest

from providers.chat import Event, TextDelta, TokenUsage
from providers.chat_response import collect_response
from providers.errors import (
    AuthenticationFailed,
    CallFailed,
    IncompleteStream,
    InvalidRequest,
    ProviderError,
)


async def test_events_without_an_end_are_no_answer() -> None:
    async def cut() -> AsyncIterator[Event]:
        yield TextDelta("half")

    with pytest.raises(ValueError, match="without Done"):
        await collect_response(cut())


@pytest.mark.parametrize(("tokens", "output", "reasoning"), [(-1, 0, 0), (1, 1, 2)])
def test_usage_that_does_not_add_up_is_refused(tokens: int, output: int, reasoning: int) -> None:
    with pytest.raises(ValueError, match="does not add up"):
        TokenUsage(input=tokens, output=output, reasoning=reasoning)


def all_errors(root: type[ProviderError]) -> list[type[ProviderError]]:
    below = [each for child in root.__subclasses__() for each in all_errors(child)]
    return [root, *below]


def test_every_error_has_its_own_code_and_advice() -> None:
    errors = all_errors(ProviderError)

    assert len({error.code for error in errors}) == len(errors)
    assert all(error.__doc__ for error in errors)


def test_retryable_errors_are_those_that_need_no_correction() -> None:
    assert IncompleteStream.retryable
    for mended_by_people in (AuthenticationFailed, InvalidRequest, CallFailed):
        assert not mended_by_people.retryable
