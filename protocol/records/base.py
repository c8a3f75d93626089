"""The two kinds of records: what is read and what is sent."""

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """Something the database says. Columns of a newer migration are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Argument(BaseModel):
    """Something we send. A key that does not exist is our mistake."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), populate_by_name=True
    )
