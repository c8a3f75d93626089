"""The joined topics with their subscribers, and the fan-out of messages."""

import secrets
from collections.abc import Hashable
from typing import NamedTuple, Protocol

from embedded.realtime.access.authorization import ChannelExtension
from embedded.realtime.broadcasts import Broadcast, PayloadBroadcast
from embedded.realtime.presence import PresenceDiff, Presences
from embedded.realtime.wire.frames import PREFIX, Frame, Version, encode
from embedded.realtime.wire.json import Json


class Topic(NamedTuple):
    """A topic; a public and a private one of the same name are distinct."""

    name: str
    """Without the prefix."""
    private: bool


class Subscriber(Hashable, Protocol):
    """A joined channel."""

    @property
    def version(self) -> Version:
        """The serializer of its socket."""
        ...

    def deliver(
        self, extension: ChannelExtension, frame: str | bytes, message_id: Json = None
    ) -> None:
        """Take a frame; must neither raise nor block.

        `message_id` is the id of the row, for messages from the database.
        """
        ...


class Topics:
    """All joined topics."""

    def __init__(self) -> None:
        # A dict keeps the order of joining, which is that of deliveries.
        self._subscribers: dict[Topic, dict[Subscriber, None]] = {}
        self._presences: dict[Topic, Presences[Subscriber]] = {}

    def __len__(self) -> int:
        """Return the number of joined topics."""
        return len(self._subscribers)

    def is_joined(self, topic: Topic) -> bool:
        """Return whether a topic has subscribers."""
        return topic in self._subscribers

    def join(self, topic: Topic, subscriber: Subscriber) -> None:
        """Add a subscriber to a topic."""
        self._subscribers.setdefault(topic, {})[subscriber] = None

    def leave(self, topic: Topic, subscriber: Subscriber) -> None:
        """Remove a subscriber from a topic and send its leave to the others."""
        subscribers = self._subscribers.get(topic, {})
        subscribers.pop(subscriber, None)
        if not subscribers:
            self._subscribers.pop(topic, None)
        self.untrack(topic, subscriber)

    def broadcast(
        self, topic: Topic, message: Broadcast, *, excluding: Subscriber | None = None
    ) -> None:
        """Send a message to all subscribers, encoded once per serializer."""
        message_id = message.meta.get("id") if isinstance(message, PayloadBroadcast) else None
        frames: dict[Version, str | bytes | None] = {}
        for subscriber in tuple(self._subscribers.get(topic, ())):
            if subscriber is excluding:
                continue
            version = subscriber.version
            if version not in frames:
                frames[version] = message.encode(version)
            if (frame := frames[version]) is not None:
                subscriber.deliver(ChannelExtension.BROADCAST, frame, message_id)

    def presence_state(self, topic: Topic) -> Json:
        """Return the payload of `presence_state` for a topic."""
        presences = self._presences.get(topic)
        return presences.state() if presences else {}

    def track(
        self, topic: Topic, subscriber: Subscriber, key: str, payload: dict[str, Json]
    ) -> None:
        """Track a subscriber with this payload and send the difference."""
        presences = self._presences.setdefault(topic, Presences(new_ref=_new_presence_ref))
        self._send_diff(topic, presences.track(subscriber, key, payload))

    def untrack(self, topic: Topic, subscriber: Subscriber) -> None:
        """Stop tracking a subscriber and send the difference."""
        presences = self._presences.get(topic)
        if presences is None:
            return
        diff = presences.untrack(subscriber)
        if not presences:
            del self._presences[topic]
        self._send_diff(topic, diff)

    def _send_diff(self, topic: Topic, diff: PresenceDiff | None) -> None:
        if diff is None:
            return
        frame = Frame(topic=PREFIX + topic.name, event="presence_diff", payload=diff.payload())
        frames = {version: encode(version, frame) for version in Version}
        for subscriber in tuple(self._subscribers.get(topic, ())):
            subscriber.deliver(ChannelExtension.PRESENCE, frames[subscriber.version])


def _new_presence_ref() -> str:
    return secrets.token_urlsafe(12)
