"""One joined topic of one socket."""

import asyncio
import logging
import uuid
from collections import deque
from typing import Final, Literal

from embedded.realtime.access.authorization import Extension, GateUnreachable
from embedded.realtime.access.callers import TokenRefused, Visitor
from embedded.realtime.access.join_request import binding_id, echoed, read_join
from embedded.realtime.broadcasts import Broadcast, Relayed, Sent
from embedded.realtime.changes.subscription import Subscription
from embedded.realtime.mailbox import Mailbox
from embedded.realtime.services import Services
from embedded.realtime.topics import Topic
from embedded.realtime.wire.frame_writer import Line
from embedded.realtime.wire.frames import PREFIX, Push, UserBroadcast, Version
from embedded.realtime.wire.json import Json, compact

_log = logging.getLogger(__name__)

_LONGEST_NAP_SECONDS: Final = 300.0
"""The loop's clock stands still while a laptop sleeps: expiry is looked at again after this."""

_DATABASE_IS_AWAY: Final = "Realtime was unable to connect to the project database"


class JoinRefused(Exception):
    """The join is answered with this reason, `Code: text`; the topic is not joined."""


class ChannelOver(Exception):
    """The server ends the channel; the client is told this message, the socket lives."""


class Channel:
    """Does what the pushes to one topic ask for, one after the other."""

    def __init__(
        self,
        *,
        join: Push,
        line: Line,
        superseded: Line | None,
        visitor: Visitor,
        headers: str,
        services: Services,
    ) -> None:
        self.line = line
        self._join_push = join
        self._superseded = superseded
        self._visitor = visitor
        self._headers = headers
        self._services = services
        self._request = read_join(join.topic, join.payload)
        self._topic = Topic(join.topic.removeprefix(PREFIX), self._request.private)
        self._presence_key = self._request.presence_key or str(uuid.uuid1())
        self._presence_calls: deque[float] = deque(maxlen=services.limits.presence_calls)
        self._readable = frozenset(Extension)
        self._writable: dict[Extension, bool] = {}
        self._held: list[tuple[Json, str | bytes]] | None = None
        self._changes: Subscription | None = None

    @property
    def version(self) -> Version:
        """The serializer of the socket."""
        return self.line.version

    def hear(self, extension: Extension, frame: str | bytes, message_id: Json = None) -> None:
        """Pass a frame from the topic on to the client."""
        if extension not in self._readable:
            return
        if self._held is not None and extension is Extension.BROADCAST:
            self._held.append((message_id, frame))
        else:
            self.line.send(frame)

    async def run(self, mailbox: Mailbox) -> None:
        """Join, then serve until the client leaves or the channel is over."""
        try:
            await self._join()
            with self._services.visitors.watched(mailbox.wake):
                while await self._serve_next(mailbox):
                    pass
        except JoinRefused as refusal:
            await asyncio.sleep(self._services.limits.refusal_seconds)
            self._answer_join("error", {"reason": str(refusal)})
        except ChannelOver as over:
            self.line.system("system", "error", str(over))
            self.line.close()
        finally:
            self._services.topics.leave(self._topic, self)
            if self._changes:
                self._services.feed.drop(self._changes)

    async def _join(self) -> None:
        request, topics = self._request, self._services.topics
        await self._check_join()
        # Nothing may be awaited from here to the reply, or frames could overtake it.
        self._held = [] if request.replay else None
        topics.join(self._topic, self)
        bindings = [echoed(each) for each in request.bindings]
        self._answer_join("ok", {"postgres_changes": bindings})
        await self._replay()
        if request.presence_enabled and Extension.PRESENCE in self._readable:
            self.line.push("presence_state", topics.presence_state(self._topic))
        if request.replication_ready:
            self.line.system("system", "ok", "Replication connection established")
        self._subscribe()

    def _subscribe(self) -> None:
        """Ask for changes as the visitor of now; the client is told again when they flow."""
        if self._changes:
            self._services.feed.drop(self._changes)
        if not self._request.bindings:
            return
        self._changes = Subscription(
            line=self.line,
            visitor=self._visitor,
            requested=tuple((binding_id(each), each) for each in self._request.bindings),
        )
        self._services.feed.subscribe(self._changes)

    async def _check_join(self) -> None:
        if not self._topic.name:
            raise JoinRefused("TopicNameRequired: You must provide a topic name")
        token = self._request.access_token
        try:
            if token is not None and _is_of_a_user(token):
                self._visitor = self._services.visitors.by_token(token)
            self._services.visitors.check(self._visitor)
        except TokenRefused as error:
            raise JoinRefused(error.reason) from error
        if self._topic.private:
            try:
                self._readable = await self._ask_to_read()
            except GateUnreachable as error:
                raise JoinRefused(f"UnableToConnectToProject: {_DATABASE_IS_AWAY}") from error
            if not self._readable:
                raise JoinRefused(f"Unauthorized: {self._no_permission}")
        elif self._request.replay:
            raise JoinRefused("UnableToReplayMessages: Replay is not allowed for public channels")

    async def _ask_to_read(self) -> frozenset[Extension]:
        extensions = {Extension.BROADCAST}
        if self._request.presence_enabled:
            extensions.add(Extension.PRESENCE)
        return await self._services.gate.readable(
            self._topic.name, self._visitor, extensions, headers=self._headers
        )

    @property
    def _no_permission(self) -> str:
        name = self._topic.name
        return f"You do not have permissions to read from this Channel topic: {name}"

    def _answer_join(self, status: Literal["ok", "error"], response: dict[str, Json]) -> None:
        self.line.reply(self._join_push, status, response)
        if self._superseded:
            self._superseded.close()

    async def _replay(self) -> None:
        """Send the old messages, then what came meanwhile and is not among them."""
        if self._request.replay is None or self._held is None:
            return
        replayed: set[str] = set()
        if Extension.BROADCAST in self._readable:
            for row in await self._services.messages.fetch_replay(
                self._topic.name, self._request.replay
            ):
                replayed.add(str(row.id))
                if row.message and (frame := row.message.encode(self.version)) is not None:
                    self.line.send(frame)
        held, self._held = self._held, None
        for message_id, frame in held:
            if message_id not in replayed:
                self.line.send(frame)

    async def _serve_next(self, mailbox: Mailbox) -> bool:
        """Look at the clock, then serve one push; False when the channel was left."""
        push = await self._next(mailbox)
        if push is None:
            return True
        match push.event:
            case "phx_leave":
                self.line.reply(push, "ok", {})
                self.line.close()
                return False
            case "broadcast":
                await self._broadcast(push)
            case "presence":
                await self._heed_presence(push)
            case "access_token":
                await self._take_token(push)
            case _:
                pass  # the real server does not answer other events either
        return True

    async def _next(self, mailbox: Mailbox) -> Push | None:
        """Wait for a push; None when it is time to look at the clock again."""
        try:
            self._services.visitors.check(self._visitor)
        except TokenRefused as error:
            raise ChannelOver(str(error)) from error
        left = self._services.visitors.seconds_left(self._visitor)
        if left is None or mailbox:
            return await mailbox.take()
        try:
            async with asyncio.timeout(min(left, _LONGEST_NAP_SECONDS)):
                return await mailbox.take()
        except TimeoutError:
            return None

    async def _broadcast(self, push: Push) -> None:
        if push.size > self._services.limits.payload_bytes:
            if self._request.ack:
                self.line.reply(push, "error", "payload_size_exceeded")
            return
        if not self._services.sends.count():
            raise ChannelOver("Too many messages per second")
        if not await self._may_write(Extension.BROADCAST):
            return  # without an answer, as the real server does
        self._services.topics.broadcast(
            self._topic, self._message(push), but=None if self._request.echo else self
        )
        if self._request.ack:
            self.line.reply(push, "ok", {})

    def _message(self, push: Push) -> Broadcast:
        if isinstance(push.payload, UserBroadcast):
            return Sent(
                topic=self._topic.name,
                event=push.payload.event,
                payload=push.payload.payload,
                encoding=push.payload.encoding,
            )
        return Relayed(self._topic.name, push.payload)

    async def _heed_presence(self, push: Push) -> None:
        self._count_presence_call()
        payload = push.payload if isinstance(push.payload, dict) else {}
        event = payload.get("event")
        tracked = payload.get("payload", {})
        if event not in ("track", "untrack") or not await self._may_write(Extension.PRESENCE):
            self.line.reply(push, "error", {})
        elif event == "untrack":
            self.line.reply(push, "ok", {})
            self._services.topics.untrack(self._topic, self)
        elif not isinstance(tracked, dict):
            reason = "Presence track payload must be a map"
            self.line.reply(push, "error", {"reason": reason})
        elif len(compact(tracked)) > self._services.limits.payload_bytes:
            raise ChannelOver("Track message size exceeded")
        else:
            self.line.reply(push, "ok", {})
            self._services.topics.track(self._topic, self, self._presence_key, tracked)

    def _count_presence_call(self) -> None:
        now, calls = asyncio.get_running_loop().time(), self._presence_calls
        window = self._services.limits.presence_window_seconds
        if len(calls) == calls.maxlen and now - calls[0] < window:
            raise ChannelOver("Client presence rate limit exceeded")
        calls.append(now)

    async def _may_write(self, extension: Extension) -> bool:
        """Ask the policies at the first time; the answer holds until the token changes."""
        if not self._topic.private:
            return True
        if extension not in self._writable:
            try:
                granted = await self._services.gate.writable(
                    [self._topic.name], self._visitor, extension, headers=self._headers
                )
            except GateUnreachable as error:
                _log.warning("A message was dropped, its policy cannot be asked: %s", error)
                return False
            self._writable[extension] = bool(granted)
        return self._writable[extension]

    async def _take_token(self, push: Push) -> None:
        payload = push.payload if isinstance(push.payload, dict) else {}
        token = payload.get("access_token")
        if not isinstance(token, str) or not _is_of_a_user(token) or token == self._visitor.token:
            return
        try:
            self._visitor = self._services.visitors.by_token(token)
            self._writable.clear()
            if self._topic.private:
                self._readable = await self._ask_to_read()
        except TokenRefused as error:
            raise ChannelOver(str(error)) from error
        except GateUnreachable as error:
            raise ChannelOver(_DATABASE_IS_AWAY) from error
        if not self._readable:
            raise ChannelOver(self._no_permission)
        self._subscribe()


def _is_of_a_user(token: str) -> bool:
    """Tell a JWT from the project's keys, which speak for the socket already."""
    return token != "" and not token.startswith("sb_")
