"""A task and its child tasks, watched together.

Each has a feed of its own, which its other watchers share. Only tasks are opened that the rows of a
watched task name as its children, whatever a cursor says.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.streams.cursor import Cursor, TreeCursor
from gateway.streams.shared import VersionedEvent
from gateway.streams.task_feeds import TaskFeed, TaskFeeds, UpdateWatcher
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
)


@dataclass(slots=True)
class _Node:
    feed: TaskFeed
    cursor: Cursor
    parent: UUID | None
    stack: AsyncExitStack
    has_ended: bool = False


class TreeWatcher(UpdateWatcher[TreeCursor]):
    """A reader of the feeds of a task and of the tasks below it, whose text is never the answer.

    The end of the task is its last update; child tasks have none.
    """

    def __init__(self, task_id: UUID, feeds: TaskFeeds, cursor: TreeCursor) -> None:
        super().__init__(VersionedEvent(), cursor)
        self._root = task_id
        self._feeds = feeds
        self._nodes: dict[UUID, _Node] = {}

    async def open(self) -> None:
        """Begin to watch the task."""
        await self._open(self._root, self.cursor.root, None)

    async def close(self) -> None:
        """Stop watching."""
        for task_id in list(self._nodes):
            await self._nodes.pop(task_id).stack.aclose()

    async def _read(self) -> AsyncIterator[TaskUpdate]:
        end: TaskEnded | None = None
        is_current = {self._root}
        while True:
            async for update in self._read_nodes():
                if isinstance(update, TaskEnded):
                    end = update
                else:
                    yield update
            await self._close_ended()
            if end is None or self._nodes.keys() <= is_current:
                break
            # The feeds of child tasks may not know yet what came before the end.
            for task_id in self._nodes.keys() - is_current:
                await self._nodes[task_id].feed.refresh()
                is_current.add(task_id)
        if end is not None:
            self.cursor.root.has_ended = True
            yield end

    async def _read_nodes(self) -> AsyncIterator[TaskUpdate]:
        """Read each feed, those of new child tasks included."""
        task_ids = list(self._nodes)
        for task_id in task_ids:  # more are appended meanwhile
            node = self._nodes[task_id]
            for update in node.feed.read(node.cursor):
                if isinstance(update, TaskEnded):
                    node.has_ended = True
                    node.cursor.has_ended = False  # not before what is below it was sent, too
                if task_id == self._root:
                    yield update
                elif not isinstance(update, TaskEnded):
                    yield _set_apart(update)
            for child in node.feed.children:
                known = self.cursor.children.get(child.child_task_id)
                if child.child_task_id in self._nodes or (known and known.has_ended):
                    continue
                cursor = self.cursor.children.setdefault(child.child_task_id, Cursor())
                await self._open(child.child_task_id, cursor, task_id)
                task_ids.append(child.child_task_id)
                if known is None:
                    yield child

    async def _open(self, task_id: UUID, cursor: Cursor, parent: UUID | None) -> None:
        stack = AsyncExitStack()
        feed = await stack.enter_async_context(self._feeds.share(task_id))
        stack.enter_context(feed.changed.forward(self._changed))
        self._nodes[task_id] = _Node(feed, cursor, parent, stack)

    async def _close_ended(self) -> None:
        """Stop watching child tasks of which everything was sent, from the lowest up."""
        for task_id, node in reversed(list(self._nodes.items())):
            is_parent = any(each.parent == task_id for each in self._nodes.values())
            if node.parent is not None and node.has_ended and not is_parent:
                await self._nodes.pop(task_id).stack.aclose()
                self.cursor.children[task_id] = Cursor(has_ended=True)


@asynccontextmanager
async def watch_tree(
    feeds: TaskFeeds, task_id: UUID, cursor: TreeCursor | None = None
) -> AsyncIterator[TreeWatcher]:
    """Watch a task and the tasks below it from `cursor` on. The task need not exist yet."""
    watcher = TreeWatcher(task_id, feeds, cursor or TreeCursor())
    try:
        await watcher.open()
        yield watcher
    finally:
        await watcher.close()


def _set_apart(update: TaskUpdate) -> TaskUpdate:
    """Return an update of a child task, whose text is not the answer of the task above."""
    if isinstance(update, TranscriptDelta | TranscriptAside | ToolCallUpdate):
        return replace(update, is_answer=False)
    return update
