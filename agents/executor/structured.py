"""Answers that are data: the instruction, and the check against a JSON Schema."""

import asyncio
import json
from typing import Any, Final

from pydantic import JsonValue

from agents.executor.output_checks import Checker
from agents.extraction.data import find_json
from agents.runtime.failed_attempts import list_failed_attempts, read_error_class
from agents.workflows.params.step_params import RESPONSE_SCHEMA
from protocol.errors import OutOfRange
from protocol.json_values import make_storable, repair_surrogates
from protocol.records import Checkpoint, ClaimedSubtask, ErrorInfo, Failure, FailureAction, Usage

INVALID_ANSWER: Final = "invalid_answer"
MAX_TRIES: Final = 2
"""With the error in view a model corrects its answer at once, or hardly ever."""
MAX_PROBLEM_CHARACTERS: Final = 500


class InvalidData(Exception):
    """The answer is no JSON, or does not follow the schema."""


def get_schema(claimed: ClaimedSubtask) -> dict[str, Any] | None:
    """Return the schema that the answer must follow."""
    schema = claimed.params.get(RESPONSE_SCHEMA)
    return schema if isinstance(schema, dict) else None


def describe_mistake(claimed: ClaimedSubtask) -> str | None:
    """Return what was wrong with the last try, and the schema again; None at the first try.

    At first the schema is only in the request: adapters tell it to models that need to be told.
    """
    schema = get_schema(claimed)
    failed = _list_invalid(claimed)
    if schema is None or not failed:
        return None
    text = json.dumps(schema, ensure_ascii=False)
    return (
        f"Answer with one JSON value that follows this JSON Schema, and nothing else:\n{text}"
        f"\n\nYour last answer was not accepted: {failed[-1]}"
    )


async def parse_data(text: str, schema: dict[str, Any], checker: Checker) -> JsonValue:
    """Return the data of an answer. Raise InvalidData, with the place of the first mistake."""
    try:
        data = await asyncio.to_thread(find_json, text)
    except ValueError as error:
        raise InvalidData(str(error)[:MAX_PROBLEM_CHARACTERS]) from error
    try:
        data = make_storable(data)
    except OutOfRange as error:
        raise InvalidData(str(error)) from error
    mismatch = await checker.find_mismatch(schema, data)
    if mismatch is not None:
        raise InvalidData(mismatch)
    return data


def build_invalid_failure(
    claimed: ClaimedSubtask, problem: str, usage: Usage, output: Checkpoint
) -> Failure:
    """Return the failure for an answer that does not follow its schema: once more, then no more."""
    is_last = len(_list_invalid(claimed)) + 1 >= MAX_TRIES
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=INVALID_ANSWER,
            message=repair_surrogates(problem),
            hint="The answer does not follow the schema that was asked for.",
        ),
        action=FailureAction.GIVE_UP if is_last else FailureAction.RETRY,
        usage=usage,
        output=output,
    )


def _list_invalid(claimed: ClaimedSubtask) -> list[str]:
    """Return what was wrong with earlier answers."""
    return [
        str((each.error or {}).get("message", ""))
        for each in list_failed_attempts(claimed)
        if read_error_class(each) == INVALID_ANSWER
    ]
