"""Objects of a Storage that does not exist."""

from dataclasses import dataclass, field
from uuid import UUID

from protocol.errors import NotFound, TooLarge


@dataclass
class FakeObjects:
    """Who may read which object, and what it contains."""

    objects: set[tuple[UUID | None, str, str]] = field(default_factory=set)
    contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By bucket and path."""

    async def may_read_object(self, *, owner: UUID | None, bucket: str, path: str) -> bool:
        return (owner, bucket, path) in self.objects

    async def fetch_object(self, *, bucket: str, path: str, most: int) -> bytes:
        content = self.contents.get((bucket, path))
        if content is None:
            raise NotFound(f"{bucket}/{path}")
        if len(content) > most:
            raise TooLarge(f"it has {len(content)} bytes")
        return content
