"""The client of Redis, which has a copy of conversations that is read faster."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Final, cast

from agents.memory.conversation.redis_copy import TIMEOUT_SECONDS, RedisUnavailable
from agents.memory.index import name_install
from cogo.config.context import Project
from cogo.errors import SettingInvalid

if TYPE_CHECKING:
    from redis.asyncio import Redis

_REDIS_EXAMPLE: Final = "redis://localhost:6379/0, or rediss://USER:PASSWORD@HOST:6380/0 for TLS"
_CLOSE_SECONDS: Final = 2.0


class OfficialRedis:
    """The commands of `agents.memory.conversation.redis_copy.RedisCommands`."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def read(self, key: str, most: int) -> bytes:
        """Return at most so many bytes of a value; b"" if there is none."""
        with _translate_errors():
            try:
                return cast("bytes", await self._client.getrange(key, 0, most - 1))
            except Exception as error:
                if "WRONGTYPE" in str(error):
                    return b""  # written by another program; the next write replaces it
                raise

    async def write(self, key: str, value: bytes, seconds: int) -> None:
        """Set a value that is deleted after a time; whatever was there before is replaced."""
        with _translate_errors():
            await self._client.set(key, value, ex=seconds)

    async def delete(self, *keys: str) -> None:
        """Delete values without waiting until their memory is free."""
        with _translate_errors():
            await self._client.unlink(*keys)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise RedisUnavailable for what the client raises."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable(f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def open_redis(project: Project) -> AsyncIterator[OfficialRedis | None]:
    """Open the client, without a connection yet; None without `REDIS_URL`.

    Raises SettingInvalid if the address is wrong or the client is not installed.
    """
    secret = project.settings.redis_url
    if secret is None:
        yield None
        return
    client = build_redis_client(secret.get_secret_value())
    try:
        yield OfficialRedis(client)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await client.aclose()


def build_redis_client(url: str) -> "Redis":
    """Return a client that waits a fraction of a second, and never tries again by itself."""
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
    except ImportError as error:
        raise SettingInvalid(
            "REDIS_URL", reason=f"the client is not installed: {name_install('redis>=8,<9')}"
        ) from error
    try:
        return Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise SettingInvalid(
            "REDIS_URL", reason=f"it is no address such as {_REDIS_EXAMPLE}"
        ) from error
