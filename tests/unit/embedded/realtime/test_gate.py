import asyncpg
import pytest

from embedded.postgres.database import Database
from embedded.realtime.access.authorization import Extension, Gate, GateUnreachable
from embedded.realtime.access.callers import Visitor

NOBODY_LISTENS = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


async def test_a_database_that_does_not_answer_is_no_refusal() -> None:
    database = Database(requests_dsn="", admin_dsn="")
    visitor = Visitor("authenticated", {}, "token", None)
    async with asyncpg.create_pool(NOBODY_LISTENS, min_size=0) as database.admin:
        gate = Gate(database)

        with pytest.raises(GateUnreachable):
            await gate.readable("room", visitor, {Extension.BROADCAST}, headers="{}")
        with pytest.raises(GateUnreachable):
            await gate.writable(["room"], visitor, Extension.BROADCAST)
