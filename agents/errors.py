"""Errors about a task that its owner can correct."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError

from protocol.json_values import explain_mistake

MAX_SHOWN = 100
"""Characters of a value that a message repeats."""


class InvalidTask(Exception):
    """The task cannot be planned; nothing was spent.

    `field` is the column or a path in it (`params.language`), `allowed` its possible values.
    """

    def __init__(self, field: str, message: str, *, allowed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.field = field
        self.message = message
        self.allowed = list(allowed)

    @classmethod
    def not_allowed(cls, field: str, value: object, allowed: Iterable[str]) -> "InvalidTask":
        """Build the error for a value that is not allowed, with the most similar one."""
        choices = sorted(allowed)
        shown = str(value)[:MAX_SHOWN]
        return cls(
            field,
            f"{field} is {shown!r}; it must be one of {', '.join(choices)}."
            + suggest_similar(shown, choices),
            allowed=choices,
        )

    @classmethod
    def from_validation(
        cls, prefix: str, error: ValidationError, *, keys: Iterable[str] = ()
    ) -> "InvalidTask":
        """Build the error for the first error of pydantic; `keys` are the valid keys."""
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join([prefix, *(str(part)[:MAX_SHOWN] for part in first["loc"])])
        if first["type"] == "extra_forbidden":
            choices = sorted(keys)
            hint = suggest_similar(str(first["loc"][-1])[:MAX_SHOWN], choices)
            return cls(path, f"{path} does not exist.{hint}", allowed=choices)
        expected = first.get("ctx", {}).get("expected")
        allowed = (
            [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
            if expected
            else []
        )
        message = f"{path}: {explain_mistake(first)}"
        return cls(path, message if message.endswith(".") else f"{message}.", allowed=allowed)


class ToolNotUsable(InvalidTask):
    """The task or a step wants a tool that nobody offers, or that its owner may not use."""

    def __init__(
        self,
        message: str,
        *,
        allowed: Iterable[str] = (),
        error_class: str = "invalid_task",
        may_appear: bool = False,
    ) -> None:
        super().__init__("params.tools", message, allowed=allowed)
        self.error_class = error_class
        self.may_appear = may_appear
        """Whether it may be there soon, as servers that have just started list their tools."""


class NoModel(Exception):
    """No model is eligible. `field` names what the owner could change, if anything."""

    def __init__(
        self, message: str, *, field: str | None = None, allowed: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.allowed = list(allowed)


def suggest_similar(value: str, choices: list[str]) -> str:
    """Return a question that names the most similar of `choices`, or '' if none is similar."""
    near = get_close_matches(value.upper(), choices, n=1) or get_close_matches(value, choices, n=1)
    return f" Did you mean {near[0]}?" if near else ""
