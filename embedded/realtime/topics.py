"""Who hears what: the topics with their subscribers, and the fan-out."""

import secrets
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from embedded.realtime.access.authorization import Extension
from embedded.realtime.broadcasts import Broadcast, Sent
from embedded.realtime.presence import Diff, Presences
from embedded.realtime.wire.frames import PREFIX, Frame, Version, encode
from embedded.realtime.wire.json import Json


@dataclass(frozen=True, slots=True)
class Topic:
    """A place where messages are heard; the public and the private of one name are strangers."""

    name: str
    """Without the prefix."""
    private: bool


class Subscriber(Hashable, Protocol):
    """A joined channel."""

    @property
    def version(self) -> Version:
        """The serializer of its socket."""
        ...

    def hear(self, extension: Extension, frame: str | bytes, message_id: Json = None) -> None:
        """Take a frame; must neither raise nor block.

        `message_id` is the one of the database, for messages that came from there.
        """
        ...


class Topics:
    """All topics that somebody has joined."""

    def __init__(self) -> None:
        # A dict keeps the order of joining, in which everybody hears.
        self._subscribers: dict[Topic, dict[Subscriber, None]] = {}
        self._presences: dict[Topic, Presences[Subscriber]] = {}

    def __len__(self) -> int:
        """How many topics somebody has joined."""
        return len(self._subscribers)

    def join(self, topic: Topic, subscriber: Subscriber) -> None:
        """From now on the subscriber hears what is said there."""
        self._subscribers.setdefault(topic, {})[subscriber] = None

    def leave(self, topic: Topic, subscriber: Subscriber) -> None:
        """The subscriber hears nothing more, and those who stay hear that it is gone."""
        subscribers = self._subscribers.get(topic, {})
        subscribers.pop(subscriber, None)
        if not subscribers:
            self._subscribers.pop(topic, None)
        self.untrack(topic, subscriber)

    def broadcast(self, topic: Topic, message: Broadcast, *, but: Subscriber | None = None) -> None:
        """Let everybody on the topic hear the message, encoded once for each serializer."""
        message_id = message.meta.get("id") if isinstance(message, Sent) else None
        frames: dict[Version, str | bytes | None] = {}
        for subscriber in tuple(self._subscribers.get(topic, ())):
            if subscriber is but:
                continue
            version = subscriber.version
            if version not in frames:
                frames[version] = message.encode(version)
            if (frame := frames[version]) is not None:
                subscriber.hear(Extension.BROADCAST, frame, message_id)

    def presence_state(self, topic: Topic) -> Json:
        """Who tracks itself there."""
        presences = self._presences.get(topic)
        return presences.state() if presences else {}

    def track(
        self, topic: Topic, subscriber: Subscriber, key: str, payload: dict[str, Json]
    ) -> None:
        """Let the others see the subscriber with this payload."""
        presences = self._presences.setdefault(topic, Presences(new_ref=_new_presence_ref))
        self._tell(topic, presences.track(subscriber, key, payload))

    def untrack(self, topic: Topic, subscriber: Subscriber) -> None:
        """Let the others see the subscriber no more."""
        presences = self._presences.get(topic)
        if presences is None:
            return
        diff = presences.untrack(subscriber)
        if not presences:
            del self._presences[topic]
        self._tell(topic, diff)

    def _tell(self, topic: Topic, diff: Diff | None) -> None:
        if diff is None:
            return
        frame = Frame(topic=PREFIX + topic.name, event="presence_diff", payload=diff.payload())
        frames = {version: encode(version, frame) for version in Version}
        for subscriber in tuple(self._subscribers.get(topic, ())):
            subscriber.hear(Extension.PRESENCE, frames[subscriber.version])


def _new_presence_ref() -> str:
    return secrets.token_urlsafe(12)
