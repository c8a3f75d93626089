"""Bases of the records: rows, rows of lists, arguments."""

from collections.abc import Sized
from typing import Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)

from protocol.json_values import explain_mistake

LEAST_PAGE: Final = 100
"""A shorter page is the last one: no project's max-rows is lower than this."""


def may_have_more(page: Sized, limit: int) -> bool:
    """Return whether rows may follow a page for which `limit` were asked."""
    return len(page) >= min(limit, LEAST_PAGE)


class Row(BaseModel):
    """A row from the database. Columns of newer migrations are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ListedRow(Row):
    """A row of a list. An unreadable column hides neither the other columns nor other rows."""

    unreadable: dict[str, str] = Field(default_factory=dict, exclude_if=lambda value: not value)
    """Columns that were omitted because they cannot be read, and why."""

    @model_validator(mode="wrap")
    @classmethod
    def _omit_unreadable_columns(cls, columns: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(columns)
        except ValidationError as error:
            wrong = {
                str(each["loc"][0]): explain_mistake(each)
                for each in error.errors(
                    include_url=False, include_input=False, include_context=False
                )
                if each["loc"]
            }
            needed = {name for name, field in cls.model_fields.items() if field.is_required()}
            if not isinstance(columns, dict) or not wrong or wrong.keys() & needed:
                raise
            rest = {name: value for name, value in columns.items() if name not in wrong}
            return read(rest | {"unreadable": wrong})


class Argument(BaseModel):
    """An argument of an RPC. An unknown key is a defect of the caller."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), populate_by_name=True
    )
