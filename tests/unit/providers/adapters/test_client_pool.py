"""Clients share the calls of one vendor, and are closed when they are not needed."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count

import pytest

from providers.adapters.http.client_pool import (
    CALLS_OF_CLIENT,
    KEPT_SECONDS,
    MAX_CLIENTS,
    ClientPool,
)


class Vendor:
    """Builds clients, which are numbers, and records which were closed."""

    def __init__(self) -> None:
        self.numbers: Iterator[int] = count(1)
        self.closed: list[int] = []
        self.now = 0.0
        self.pool = ClientPool(lambda: next(self.numbers), self.close, clock=lambda: self.now)

    async def close(self, client: int) -> None:
        self.closed.append(client)


async def test_a_client_is_shared_until_it_has_no_room() -> None:
    pool = Vendor().pool

    async with AsyncExitStack() as stack:
        used = [await stack.enter_async_context(pool.lease()) for _ in range(2 * CALLS_OF_CLIENT)]
    async with pool.lease() as again:
        pass

    assert used == [1] * CALLS_OF_CLIENT + [2] * CALLS_OF_CLIENT
    assert again == 1


async def test_more_calls_than_clients_have_room_for_are_spread() -> None:
    pool = Vendor().pool

    async with AsyncExitStack() as stack:
        for _ in range(MAX_CLIENTS * CALLS_OF_CLIENT):
            await stack.enter_async_context(pool.lease())
        more = [await stack.enter_async_context(pool.lease()) for _ in range(MAX_CLIENTS)]

    assert sorted(more) == list(range(1, MAX_CLIENTS + 1))


async def test_what_is_idle_for_long_is_closed_except_for_the_first() -> None:
    vendor = Vendor()
    async with AsyncExitStack() as stack:
        for _ in range(CALLS_OF_CLIENT + 1):
            await stack.enter_async_context(vendor.pool.lease())

    for vendor.now in (KEPT_SECONDS, KEPT_SECONDS + 1, 2 * KEPT_SECONDS + 2):
        async with vendor.pool.lease():
            pass

    assert vendor.closed == [2]


async def test_a_failed_call_leaves_its_room() -> None:
    pool = Vendor().pool

    for _ in range(CALLS_OF_CLIENT + 1):
        with pytest.raises(LookupError):
            async with pool.lease():
                raise LookupError

    async with pool.lease() as client:
        assert client == 1


async def test_closing_closes_all() -> None:
    vendor = Vendor()
    async with AsyncExitStack() as stack:
        for _ in range(CALLS_OF_CLIENT + 1):
            await stack.enter_async_context(vendor.pool.lease())

    await vendor.pool.close()

    assert vendor.closed == [1, 2]
