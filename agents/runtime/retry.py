"""Retries of idempotent calls while the store does not answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from loguru import logger

from protocol.backoff import compute_backoff
from protocol.errors import StoreUnavailable

_T = TypeVar("_T")


async def retry_until_answered(
    call: Callable[[], Awaitable[_T]], *, what: str, jitter: random.Random
) -> _T:
    """Repeat an idempotent call until the store answers it, with growing jittered waits."""
    failures = 0
    while True:
        try:
            return await call()
        except StoreUnavailable as error:
            logger.warning("the store does not answer; retrying", what=what, error=str(error))
            failures += 1
            await wait_before_retry(failures, jitter)


async def wait_before_retry(failures: int, jitter: random.Random) -> None:
    """Wait after this many failures in a row."""
    await asyncio.sleep(compute_backoff(failures, first=0.25, longest=10, jitter=jitter))
