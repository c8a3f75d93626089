"""Checks: the steps of workflows that run code in the sandbox instead of calling a model."""

from typing import Final

from loguru import logger

from agents.executor.progress import ProgressHub
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed
from agents.runtime.pool import SideWork
from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.job import SandboxBroken
from protocol.records import ClaimedSubtask, Completion, ErrorInfo, Failure, FailureAction

RUNNING: Final = "running tests\n"
SANDBOX_BROKEN: Final = "sandbox"
"""Class of the error if a check could not be run, which says nothing about the code."""


class CheckExecutor:
    """Runs claimed checks and builds their completions, which cost nothing."""

    def __init__(self, *, runner: CheckRunner, hub: ProgressHub) -> None:
        self._runner = runner
        self._hub = hub

    def build_side_work(self, agent: Agent) -> SideWork:
        """Return the work for the pool of an executor."""
        return SideWork(
            lanes=lambda: self._runner.lanes,
            work=self.execute,
            capacity=agent.options.check_capacity,
            wakeup=agent.build_wakeup(),
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Run a check; a cancellation ends its processes.

        Raises WorkFailed if the sandbox is out of order. Code that fails is a report.
        """
        self._hub.open(claimed).add("text", RUNNING)
        try:
            report = await self._runner.run(claimed.params)
        except (SandboxBroken, OSError) as error:
            raise WorkFailed(build_sandbox_failure(claimed, error)) from error
        await self._hub.flush_in_time()
        logger.info("code was run", verdict=report.verdict, seconds=round(report.seconds, 3))
        return Completion(
            ref=claimed.ref,
            output={"report": report.model_dump(mode="json"), "text": report.summary},
        )


def build_sandbox_failure(claimed: ClaimedSubtask, error: Exception) -> Failure:
    """Return the failure of a check that could not be run: another executor may be able to."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=SANDBOX_BROKEN,
            message=f"The sandbox could not run the code: {error}"[:2_000],
            hint="See `cogo sandbox status` on the machine of the executor.",
        ),
        action=FailureAction.RETRY,
    )
