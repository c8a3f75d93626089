"""What all channels of a server share."""

from dataclasses import dataclass

from embedded.realtime.access.authorization import Gate
from embedded.realtime.access.callers import Visitors
from embedded.realtime.changes.feed import Feed
from embedded.realtime.limits import Limits
from embedded.realtime.messages import Messages
from embedded.realtime.rates import Rate
from embedded.realtime.topics import Topics


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built once, by the hub."""

    feed: Feed
    gate: Gate
    joins: Rate
    limits: Limits
    messages: Messages
    sends: Rate
    topics: Topics
    visitors: Visitors
