"""A listener that records messages, and captured logs."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from protocol.bus import Bus
from protocol.messages import Envelope


@dataclass
class RecordingListener:
    """Keeps messages and counts subscriptions."""

    heard: list[Envelope] = field(default_factory=list)
    subscriptions: int = 0

    def on(self, bus: Bus, topic: str) -> AbstractAsyncContextManager[None]:
        """Listen to a topic."""
        return bus.listen(topic, self.heard.append, on_ready=self.count)

    def count(self) -> None:
        """Count a subscription."""
        self.subscriptions += 1


@contextmanager
def captured_logs(level: str) -> Iterator[list[dict[str, Any]]]:
    """Collect what is logged within the block: message, level, and values."""
    records: list[dict[str, Any]] = []

    def keep(message: Any) -> None:
        record = message.record
        named = {"message": record["message"], "level": record["level"].name}
        records.append(dict(record["extra"]) | named)

    sink = logger.add(keep, level=level)
    try:
        yield records
    finally:
        logger.remove(sink)
