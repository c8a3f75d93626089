"""A task that cannot be planned, said so that its owner can mend it."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from protocol.json_values import explain_mistake

SHOWN = 100
"""Characters of a value that a message repeats."""


class InvalidTask(Exception):
    """What the person sent cannot be planned; nothing was spent.

    `field` is the column or the path inside it (`params.language`), `allowed` what may stand there.
    """

    def __init__(self, field: str, message: str, *, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.allowed = list(allowed)

    @classmethod
    def not_one_of(cls, field: str, value: object, allowed: Iterable[str]) -> "InvalidTask":
        """Name the nearest allowed value, and all of them."""
        choices = sorted(allowed)
        said = str(value)[:SHOWN]
        return cls(
            field,
            f"{field} is {said!r}; it must be one of {', '.join(choices)}."
            + did_you_mean(said, choices),
            allowed=choices,
        )

    @classmethod
    def of(cls, prefix: str, error: ValidationError, *, keys: Iterable[str] = ()) -> "InvalidTask":
        """Turn the first complaint of pydantic into a sentence that names the field.

        `keys` are those that exist, for whoever misspelt one.
        """
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join([prefix, *(str(part)[:SHOWN] for part in first["loc"])])
        if first["type"] == "extra_forbidden":
            choices = sorted(keys)
            hint = did_you_mean(str(first["loc"][-1])[:SHOWN], choices)
            return cls(path, f"{path} does not exist.{hint}", allowed=choices)
        expected = first.get("ctx", {}).get("expected")
        allowed = (
            [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
            if expected
            else []
        )
        return cls(path, f"{path}: {_sentence(explain_mistake(first))}", allowed=allowed)


def did_you_mean(said: str, choices: list[str]) -> str:
    """Return a question that names the nearest of `choices`, or nothing when none is near."""
    near = get_close_matches(said.upper(), choices, n=1) or get_close_matches(said, choices, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _sentence(message: str) -> str:
    return message if message.endswith(".") else f"{message}."
