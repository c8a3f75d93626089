"""The connection that `cogo up` sends to its agents and its gateway."""

import json
from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.errors import CommandError

AgentKind = Literal["orchestrator", "executor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentBootstrap:
    """A connection, and the URL of the vendor simulator if it is used instead of models.

    It is sent over standard input, so that no secret appears in a command line and the process can
    import its modules while the server starts.
    """

    connection: Connection
    simulator_url: str | None = None

    def to_line(self) -> str:
        """Return it as one line of JSON, with the secret key."""
        sent = asdict(self)
        sent["connection"]["secret_key"] = self.connection.secret_key.get_secret_value()
        return json.dumps(sent)

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Parse what `to_line` returned. Raises CommandError if it is incomplete."""
        try:
            sent = json.loads(line)
        except ValueError as error:
            raise CommandError("the parent process ended before it sent its connection") from error
        sent["connection"]["secret_key"] = SecretStr(sent["connection"]["secret_key"])
        return cls(connection=Connection(**sent["connection"]), simulator_url=sent["simulator_url"])
