"""How many calls may run at once, per deployment, in this process."""

import asyncio

from providers.deployment import Deployment

__all__ = ["ConcurrencyLimits"]


class ConcurrencyLimits:
    """One semaphore for each deployment, made when it is first asked for."""

    def __init__(self) -> None:
        self._semaphores: dict[tuple[str, str], asyncio.Semaphore] = {}

    def of(self, deployment: Deployment) -> asyncio.Semaphore:
        """Hold it (`async with`) for as long as the call runs."""
        key = (deployment.provider, deployment.provider_model)
        if key not in self._semaphores:
            self._semaphores[key] = asyncio.Semaphore(deployment.host.max_concurrency)
        return self._semaphores[key]
