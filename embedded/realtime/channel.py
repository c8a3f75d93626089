"""One joined topic of one socket."""

import asyncio
import logging
import math
import uuid
from collections import deque
from typing import Final, Literal

from embedded.realtime.access.authorization import AuthorizationUnavailable, ChannelExtension
from embedded.realtime.access.callers import Caller, TokenRefused
from embedded.realtime.access.join_request import add_binding_id, compute_binding_id, parse_join
from embedded.realtime.broadcasts import Broadcast, PayloadBroadcast, RelayedBroadcast
from embedded.realtime.changes.subscriptions import Subscription
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.topics import Topic
from embedded.realtime.wire.frame_writer import FrameWriter
from embedded.realtime.wire.frames import PREFIX, Push, UserBroadcast, Version
from embedded.realtime.wire.json import Json, encode_compact_json

_log = logging.getLogger(__name__)

_EXPIRY_CHECK_SECONDS: Final = 300.0
"""Interval of the check for expiry, since the loop's clock stops while a laptop sleeps."""

_NO_DATABASE: Final = "Realtime was unable to connect to the project database"


class Mailbox:
    """A queue of pushes for one channel; all channels of a socket share its capacity.

    The caller of `put` has acquired the capacity; taking a push releases it.
    """

    def __init__(self, capacity: asyncio.Semaphore) -> None:
        self._capacity = capacity
        self._pushes: asyncio.Queue[Push | None] = asyncio.Queue()

    def __bool__(self) -> bool:
        """Return whether `take` would not wait."""
        return not self._pushes.empty()

    def put(self, push: Push) -> None:
        """Append a push."""
        self._pushes.put_nowait(push)

    def wake(self) -> None:
        """Make `take` return None after the pushes that wait now."""
        self._pushes.put_nowait(None)

    async def take(self) -> Push | None:
        """Wait for the next push, or for None after `wake`."""
        push = await self._pushes.get()
        if push is not None:
            self._capacity.release()
        return push

    def take_all(self) -> list[Push]:
        """Return all waiting pushes without waiting."""
        found = [self._pushes.get_nowait() for _ in range(self._pushes.qsize())]
        pushes = [push for push in found if push is not None]
        for _ in pushes:
            self._capacity.release()
        return pushes


class JoinRefused(Exception):
    """The join is refused; the message is the reason, `Code: text`."""


class ChannelClosed(Exception):
    """The server closes the channel with this message; the socket stays open."""


class Channel:
    """Serves the pushes to one topic, one after the other."""

    def __init__(
        self,
        *,
        join: Push,
        writer: FrameWriter,
        superseded: FrameWriter | None,
        caller: Caller,
        headers: str,
        services: RealtimeServices,
    ) -> None:
        self.writer = writer
        self._join_push = join
        self._superseded = superseded
        self._caller = caller
        self._headers = headers
        self._services = services
        self._request = parse_join(join.topic, join.payload)
        self._topic = Topic(join.topic.removeprefix(PREFIX), self._request.private)
        self._presence_key = self._request.presence_key or str(uuid.uuid1())
        self._presence_calls: deque[float] = deque(maxlen=services.limits.presence_calls)
        self._readable = frozenset(ChannelExtension)
        self._writable: dict[ChannelExtension, bool] = {}
        self._held: list[tuple[Json, str | bytes]] | None = None
        self._changes: Subscription | None = None
        self._recheck_at = math.inf
        """When the policies of a user's private channel are evaluated again."""

    @property
    def version(self) -> Version:
        """The serializer of the socket."""
        return self.writer.version

    def deliver(
        self, extension: ChannelExtension, frame: str | bytes, message_id: Json = None
    ) -> None:
        """Send a frame of the topic to the client."""
        if extension not in self._readable:
            return
        if self._held is not None and extension is ChannelExtension.BROADCAST:
            self._held.append((message_id, frame))
        else:
            self.writer.send(frame)

    async def run(self, mailbox: Mailbox) -> None:
        """Join, then serve until the client leaves or the channel is closed."""
        try:
            await self._join()
            with self._services.callers.watch_expiry(mailbox.wake):
                while await self._serve_next(mailbox):
                    pass
        except JoinRefused as refusal:
            await asyncio.sleep(self._services.limits.refusal_seconds)
            self._reply_to_join("error", {"reason": str(refusal)})
        except ChannelClosed as closed:
            self.writer.report("system", "error", str(closed))
            self.writer.close()
        finally:
            self._services.topics.leave(self._topic, self)
            if self._changes:
                self._services.feed.drop(self._changes)

    async def _join(self) -> None:
        request, topics = self._request, self._services.topics
        await self._check_join()
        self._plan_recheck()
        # No await from here to the reply, or frames could overtake it.
        self._held = [] if request.replay else None
        topics.join(self._topic, self)
        bindings = [add_binding_id(each) for each in request.bindings]
        self._reply_to_join("ok", {"postgres_changes": bindings})
        await self._replay()
        if request.presence_enabled and ChannelExtension.PRESENCE in self._readable:
            self.writer.push("presence_state", topics.presence_state(self._topic))
        if request.replication_ready:
            self.writer.report("system", "ok", "Replication connection established")
        self._subscribe()

    def _subscribe(self) -> None:
        """Subscribe to changes as the current caller; the client gets a new confirmation."""
        if self._changes:
            self._services.feed.drop(self._changes)
        if not self._request.bindings:
            return
        self._changes = Subscription(
            writer=self.writer,
            caller=self._caller,
            requested=tuple((compute_binding_id(each), each) for each in self._request.bindings),
        )
        self._services.feed.subscribe(self._changes)

    async def _check_join(self) -> None:
        if not self._topic.name:
            raise JoinRefused("TopicNameRequired: You must provide a topic name")
        token = self._request.access_token
        try:
            if token is not None and _is_user_token(token):
                self._caller = self._services.callers.resolve_token(token)
            self._services.callers.check_expiry(self._caller)
        except TokenRefused as error:
            raise JoinRefused(error.reason) from error
        if self._topic.private:
            try:
                self._readable = await self._find_readable()
            except AuthorizationUnavailable as error:
                raise JoinRefused(f"UnableToConnectToProject: {_NO_DATABASE}") from error
            if not self._readable:
                raise JoinRefused(f"Unauthorized: {self._no_permission}")
        elif self._request.replay:
            raise JoinRefused("UnableToReplayMessages: Replay is not allowed for public channels")

    async def _find_readable(self) -> frozenset[ChannelExtension]:
        extensions = {ChannelExtension.BROADCAST}
        if self._request.presence_enabled:
            extensions.add(ChannelExtension.PRESENCE)
        return await self._services.authorizer.find_readable(
            self._topic.name, self._caller, extensions, headers=self._headers
        )

    @property
    def _no_permission(self) -> str:
        name = self._topic.name
        return f"You do not have permissions to read from this Channel topic: {name}"

    def _reply_to_join(self, status: Literal["ok", "error"], response: dict[str, Json]) -> None:
        self.writer.reply(self._join_push, status, response)
        if self._superseded:
            self._superseded.close()

    async def _replay(self) -> None:
        """Send the old messages, then those that arrived meanwhile and are not among them."""
        if self._request.replay is None or self._held is None:
            return
        replayed: set[str] = set()
        if ChannelExtension.BROADCAST in self._readable:
            for row in await self._services.messages.fetch_replay(
                self._topic.name, self._request.replay
            ):
                replayed.add(str(row.id))
                if row.message and (frame := row.message.encode(self.version)) is not None:
                    self.writer.send(frame)
        held, self._held = self._held, None
        for message_id, frame in held:
            if message_id not in replayed:
                self.writer.send(frame)

    async def _serve_next(self, mailbox: Mailbox) -> bool:
        """Check the expiry, then serve one push; return False if the client left."""
        push = await self._wait_for_push(mailbox)
        if push is None:
            return True
        match push.event:
            case "phx_leave":
                self.writer.reply(push, "ok", {})
                self.writer.close()
                return False
            case "broadcast":
                await self._broadcast(push)
            case "presence":
                await self._handle_presence(push)
            case "access_token":
                await self._handle_token(push)
            case _:
                pass  # the real server does not answer other events either
        return True

    async def _wait_for_push(self, mailbox: Mailbox) -> Push | None:
        """Wait for a push; return None when the expiry or the policies must be checked again."""
        try:
            self._services.callers.check_expiry(self._caller)
        except TokenRefused as error:
            raise ChannelClosed(str(error)) from error
        now = asyncio.get_running_loop().time()
        if now >= self._recheck_at:
            await self._recheck()
        left = self._services.callers.get_seconds_left(self._caller)
        if left is None or mailbox:
            return await mailbox.take()
        try:
            async with asyncio.timeout(min(left, _EXPIRY_CHECK_SECONDS, self._recheck_at - now)):
                return await mailbox.take()
        except TimeoutError:
            return None

    def _plan_recheck(self) -> None:
        """Plan the next evaluation of the policies; those of the project's keys stay the same."""
        if self._topic.private and self._caller.claims.get("sub"):
            now = asyncio.get_running_loop().time()
            self._recheck_at = now + self._services.limits.recheck_seconds

    async def _recheck(self) -> None:
        """Close the channel if its policies do not let the caller read it any more.

        The real server asks them again only when the client sends a new token.
        """
        self._plan_recheck()
        self._writable.clear()
        try:
            self._readable = await self._find_readable()
        except AuthorizationUnavailable:
            return
        if not self._readable:
            raise ChannelClosed(self._no_permission)

    async def _broadcast(self, push: Push) -> None:
        if push.size > self._services.limits.payload_bytes:
            if self._request.ack:
                self.writer.reply(push, "error", "payload_size_exceeded")
            return
        if not self._services.message_rate.allow():
            raise ChannelClosed("Too many messages per second")
        if not await self._may_write(ChannelExtension.BROADCAST):
            return  # without a reply, as the real server does
        self._services.topics.broadcast(
            self._topic, self._message(push), excluding=None if self._request.echo else self
        )
        if self._request.ack:
            self.writer.reply(push, "ok", {})

    def _message(self, push: Push) -> Broadcast:
        if isinstance(push.payload, UserBroadcast):
            return PayloadBroadcast(
                topic=self._topic.name,
                event=push.payload.event,
                payload=push.payload.payload,
                encoding=push.payload.encoding,
            )
        return RelayedBroadcast(self._topic.name, push.payload)

    async def _handle_presence(self, push: Push) -> None:
        self._count_presence_call()
        payload = push.payload if isinstance(push.payload, dict) else {}
        event = payload.get("event")
        tracked = payload.get("payload", {})
        if event not in ("track", "untrack") or not await self._may_write(
            ChannelExtension.PRESENCE
        ):
            self.writer.reply(push, "error", {})
        elif event == "untrack":
            self.writer.reply(push, "ok", {})
            self._services.topics.untrack(self._topic, self)
        elif not isinstance(tracked, dict):
            reason = "Presence track payload must be a map"
            self.writer.reply(push, "error", {"reason": reason})
        elif len(encode_compact_json(tracked)) > self._services.limits.payload_bytes:
            raise ChannelClosed("Track message size exceeded")
        else:
            self.writer.reply(push, "ok", {})
            self._services.topics.track(self._topic, self, self._presence_key, tracked)

    def _count_presence_call(self) -> None:
        now, calls = asyncio.get_running_loop().time(), self._presence_calls
        window = self._services.limits.presence_window_seconds
        if len(calls) == calls.maxlen and now - calls[0] < window:
            raise ChannelClosed("Client presence rate limit exceeded")
        calls.append(now)

    async def _may_write(self, extension: ChannelExtension) -> bool:
        """Return whether the policies allow writing; the result is cached for this token."""
        if not self._topic.private:
            return True
        if extension not in self._writable:
            try:
                granted = await self._services.authorizer.find_writable(
                    [self._topic.name], self._caller, extension, headers=self._headers
                )
            except AuthorizationUnavailable as error:
                _log.warning(
                    "A message was dropped because its policy could not be evaluated: %s", error
                )
                return False
            self._writable[extension] = bool(granted)
        return self._writable[extension]

    async def _handle_token(self, push: Push) -> None:
        payload = push.payload if isinstance(push.payload, dict) else {}
        token = payload.get("access_token")
        if not isinstance(token, str) or not _is_user_token(token) or token == self._caller.token:
            return
        try:
            self._caller = self._services.callers.resolve_token(token)
            self._writable.clear()
            self._plan_recheck()
            if self._topic.private:
                self._readable = await self._find_readable()
        except TokenRefused as error:
            raise ChannelClosed(str(error)) from error
        except AuthorizationUnavailable as error:
            raise ChannelClosed(_NO_DATABASE) from error
        if not self._readable:
            raise ChannelClosed(self._no_permission)
        self._subscribe()


def _is_user_token(token: str) -> bool:
    """Return whether a token is a JWT and not one of the project's keys."""
    return token != "" and not token.startswith("sb_")
