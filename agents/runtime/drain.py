"""The first of the two phases of stopping: claim nothing more, let attempts finish."""

import asyncio


class Drain:
    """A request to stop that can be made once, from a signal handler too.

    Cancelling the agent's task is the second phase and needs no object.
    """

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    def begin(self) -> None:
        """Stop claiming; what is in flight gets the grace period. Harmless when repeated."""
        self.begun.set()
