"""The greeting: the line with which `cogo up` tells an agent where to work."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from cogo.config.connection import Connection
from cogo.errors import CommandError

Kind = Literal["orchestrator", "executor"]
"""The two kinds of agents."""


class Greeting(BaseModel):
    """An address, the keys for it, and whether the vendors are simulated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    secret_key: str
    publishable_key: str | None
    is_embedded: bool
    simulator_url: str | None

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read the line. Raises CommandError when the parent went away before it spoke."""
        try:
            return cls.model_validate_json(line)
        except ValidationError as error:
            raise CommandError("the parent process ended before it said where to work") from error

    def connection(self) -> Connection:
        """Give the connection that it speaks of."""
        return Connection(
            url=self.url,
            secret_key=SecretStr(self.secret_key),
            publishable_key=self.publishable_key,
            is_embedded=self.is_embedded,
        )
