"""The nursery's owner: orders processes from it, which have their imports done at birth.

A start is mostly imports, and those of agents and gateway are nearly the same. Whatever goes wrong
here costs only time: a process that the nursery does not give is started in the ordinary way.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, Final

from loguru import logger

from cogo.errors import ChildFailed
from cogo.supervisor.child import Spec
from cogo.supervisor.fork_server.adopted import Adopted, Pipes, adopting, can_adopt
from cogo.supervisor.fork_server.main import PACKET_BYTES
from cogo.supervisor.restart import Keeper

_BIRTH: Final = timedelta(seconds=15)
_LESSON: Final = timedelta(seconds=60)
_STDERR: Final = 2


class Nursery:
    """Keeps one nursery while `run` runs.

    `make_spec` is asked before each start, with the number of the descriptor that the process gets
    and the modules that it imports; `modules` are those of the first start.
    """

    def __init__(
        self, make_spec: Callable[[int, Sequence[str]], Spec], modules: Iterable[str]
    ) -> None:
        self._make_spec = make_spec
        self._modules = list(modules)
        self._keeper = Keeper(self._spec)
        self._door: socket.socket | None = None
        self._turn = asyncio.Lock()
        self._is_asked = False
        self._is_learning = False
        self._is_settled = asyncio.Event()
        """Set when the first one has its imports done, or there will be none."""

    @property
    def pid(self) -> int | None:
        """Process id of the nursery that runs now."""
        return self._keeper.pid

    @property
    def is_open(self) -> bool:
        """Whether the one that runs now has its imports done."""
        return self._keeper.ready.is_set()

    async def run(self) -> None:
        """Keep one until cancelled; return at once where processes cannot be adopted."""
        try:
            if can_adopt():
                async with asyncio.TaskGroup() as group:
                    settling = group.create_task(self._settle(), name="nursery ready")
                    await self._keeper.run()
                    settling.cancel()
        except* ChildFailed as errors:
            logger.warning("no nursery, so starts take longer", error=str(errors.exceptions[0]))
        finally:
            self._is_settled.set()
            self._close()

    async def fork(self, arguments: Sequence[str], errors: int | None) -> Adopted | None:
        """Fork a process; None when there is no nursery, or it has something else to do.

        `arguments` are those of `module`, `errors` is the descriptor for standard error (None:
        ours). The first nursery is waited for.
        """
        await self._is_settled.wait()
        if self._is_learning:
            return None
        async with self._turn:
            if not self.is_open:
                return None
            with ExitStack() as ours:
                pipes = await Pipes.open()
                ours.callback(pipes.close)
                streams = (*pipes.theirs, _STDERR if errors is None else errors)
                try:
                    child = await self._forked(arguments, streams, pipes)
                finally:
                    pipes.close_theirs()
                if child is not None:
                    ours.pop_all()
                return child

    async def _forked(
        self, arguments: Sequence[str], streams: Sequence[int], pipes: Pipes
    ) -> Adopted | None:
        with adopting():
            answer = await self._ask({"arguments": list(arguments)}, streams, within=_BIRTH)
        try:
            return Adopted(answer["pid"], pipes) if "pid" in answer else None
        except OSError as error:
            # Not ours after all. It sees its standard input end, as if we had died.
            logger.warning("a process was not adopted", error=repr(error))
            return None

    async def learn(self, modules: Iterable[str]) -> None:
        """Let it import more, one after the other; starts meanwhile do not wait for it."""
        for name in modules:
            self._modules.append(name)
            self._is_learning = True
            try:
                async with self._turn:
                    await self._ask({"imports": [name]}, (), within=_LESSON)
            finally:
                self._is_learning = False

    async def _settle(self) -> None:
        await self._keeper.ready.wait()
        self._is_settled.set()

    async def _ask(
        self, order: dict[str, Any], streams: Sequence[int], *, within: timedelta
    ) -> dict[str, Any]:
        """Give its answer; empty when there is none. Whoever is cancelled ends this nursery."""
        door = self._door
        if door is None:
            return {}
        self._is_asked = True
        try:
            async with asyncio.timeout(within.total_seconds()):
                socket.send_fds(door, [json.dumps(order).encode()], streams)
                packet = await asyncio.get_running_loop().sock_recv(door, PACKET_BYTES)
        except (OSError, TimeoutError) as error:
            logger.warning("the nursery does not answer", error=repr(error))
            packet = b""
            self._close()
        except BaseException:
            self._close()  # its answer would be taken for that to the next order
            raise
        finally:
            self._is_asked = False
            if self._door is not door:
                door.close()
        answer: dict[str, Any] = json.loads(packet) if packet else {}
        if "refused" in answer:
            logger.warning("the nursery refuses, so a start takes longer", reason=answer["refused"])
        return answer

    def _spec(self) -> Spec:
        self._close()
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._door.setblocking(False)
        return self._make_spec(theirs.detach(), self._modules)

    def _close(self) -> None:
        """Close the door: behind it the nursery ends."""
        door, self._door = self._door, None
        if door is None:
            return
        # Whoever waits for an answer would wait on when the descriptor is gone; so it goes after.
        if self._is_asked:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
        else:
            door.close()
