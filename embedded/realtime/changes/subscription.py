"""One channel's wish to hear of changes."""

from dataclasses import dataclass, field

from embedded.realtime.access.callers import Visitor
from embedded.realtime.changes.bindings import Binding
from embedded.realtime.wire.frame_writer import Line
from embedded.realtime.wire.json import Json

_EXTENSION = "postgres_changes"


@dataclass(slots=True, kw_only=True, eq=False)
class Subscription:
    """Silent until it is confirmed."""

    line: Line
    visitor: Visitor
    requested: tuple[tuple[int, dict[str, Json]], ...]
    """What the join asked for, with the ids that its reply gave."""
    bindings: tuple[Binding, ...] = ()
    """What was found to be in order."""
    is_confirmed: bool = field(default=False)

    def hear(self, payload: str) -> None:
        """Pass a change on to the client; `payload` is JSON."""
        if self.is_confirmed:
            self.line.say_raw(_EXTENSION, payload)

    def confirm(self, bindings: tuple[Binding, ...]) -> None:
        """From now on every change is heard."""
        self.bindings = bindings
        self.is_confirmed = True
        self.line.system(_EXTENSION, "ok", "Subscribed to PostgreSQL")

    def refuse(self, message: str) -> None:
        """Say why there will be nothing to hear; the channel stays joined."""
        self.line.system(_EXTENSION, "error", message)
