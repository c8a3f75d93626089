"""What `cogo up` sends to its agents and its gateway once it is known: where to work."""

import json
from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.errors import CommandError

AgentKind = Literal["orchestrator", "executor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBootstrap:
    """A connection, and the vendor simulator if it answers instead of models.

    It goes over standard input, so that no secret is in a command line, and so that a process
    can import what it needs while the server starts.
    """

    connection: Connection
    simulator_url: str | None = None

    def to_line(self) -> str:
        """Return it as one line of JSON, with the secret key."""
        key = self.connection.secret_key.get_secret_value()
        return json.dumps(
            asdict(self) | {"connection": asdict(self.connection) | {"secret_key": key}}
        )

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Parse what `to_line` returned. Raises CommandError for less than that."""
        try:
            sent = json.loads(line)
        except ValueError as error:
            raise CommandError("the parent process ended before it said where to work") from error
        connection = sent["connection"] | {
            "secret_key": SecretStr(sent["connection"]["secret_key"])
        }
        return cls(connection=Connection(**connection), simulator_url=sent["simulator_url"])
