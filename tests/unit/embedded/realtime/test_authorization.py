import asyncpg
import pytest

from embedded.postgres.database import Database
from embedded.realtime.access.authorization import (
    AuthorizationUnavailable,
    Authorizer,
    ChannelExtension,
)
from embedded.realtime.access.callers import Caller

NOBODY_LISTENS = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


async def test_an_unavailable_database_is_no_refusal() -> None:
    database = Database("")
    caller = Caller("authenticated", {}, "token", None)
    async with asyncpg.create_pool(NOBODY_LISTENS, min_size=0) as database.admin:
        authorizer = Authorizer(database)

        with pytest.raises(AuthorizationUnavailable):
            await authorizer.find_readable(
                "room", caller, {ChannelExtension.BROADCAST}, headers="{}"
            )
        with pytest.raises(AuthorizationUnavailable):
            await authorizer.find_writable(["room"], caller, ChannelExtension.BROADCAST)
