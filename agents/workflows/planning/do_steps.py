"""Doing the steps of a plan, each as soon as what it needs is done."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from agents.workflows.engine import Run, Step, StepFailed
from agents.workflows.planning.plan_progress import PlanProgress
from agents.workflows.planning.whole import StepValue

BeginSteps = Callable[[Sequence[str]], Awaitable[Mapping[str, Step[StepValue]]]]
"""Describes the steps of these names; those that it leaves out are noted in the progress."""
KeepStep = Callable[[str, StepValue | StepFailed], None]


async def do_when_ready(
    run: Run, work: PlanProgress, begin: BeginSteps, keep: KeepStep
) -> dict[str, Step[StepValue]]:
    """Do the steps of a plan; return those that were begun, in the order of the plan.

    `keep` is told each end before others begin.
    """
    begun: dict[str, Step[StepValue]] = {}
    while True:
        if ready := work.choose_ready(begun):
            begun |= await begin(ready)
        running = work.list_running(begun)
        if running:
            await _wait_for_any(run, [begun[name] for name in running])
        elif not work.choose_ready(begun):
            return {name: begun[name] for each in work.waves for name in each if name in begun}
        for name in running:
            if begun[name].is_done:
                [ended] = await run.settled(begun[name])
                keep(name, ended)


async def _wait_for_any(run: Run, steps: Iterable[Step[Any]]) -> None:
    """Wait until one of the steps has ended. `run.first` cancels the other branches, not steps."""
    await run.first(*(run.branch("any_end", _wait_for_end(each)) for each in steps))


async def _wait_for_end(step: Step[Any]) -> None:
    try:
        await step
    except StepFailed:
        return
