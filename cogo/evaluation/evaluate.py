"""One problem through a workflow: what was handed over, and whether it is correct."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from agents.workflows.engine import FlowFailed, Workflow
from cogo.evaluation.checks import RememberedChecks
from cogo.evaluation.dataset import CodingProblem, Recordings
from cogo.evaluation.in_process import run_workflow
from cogo.evaluation.recorded import RecordedWorld
from protocol.records import TaskBrief
from protocol.verification import get_status

_PROGRAM: Final = "program.py"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The models that a workflow may use, in their order."""

    models: tuple[str, ...]

    @property
    def name(self) -> str:
        """The models, as the command line names them."""
        return ",".join(self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemOutcome:
    """What came of one problem."""

    problem: str
    is_correct: bool
    """Whether the hidden tests passed."""
    is_last_correct: bool | None = None
    """Whether the latest answer is; the workflow may hand over an earlier one. None: unknown."""
    status: str
    """What the result says of itself: verified, self_tested, unverified, failed; or `none`."""
    model: str | None = None
    """The model whose code was handed over."""
    calls: tuple[str, ...] = ()
    cost_usd: float | None = None
    """None if the price of a call is unknown."""
    seconds: float = 0.0
    """Time of the workflow's checks; with real models, from the submission to the end."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Runs problems with recorded answers."""

    workflow: Workflow
    checks: RememberedChecks
    recordings: Recordings
    prices: Mapping[str, Decimal]

    async def evaluate(
        self, problem: CodingProblem, configuration: Configuration
    ) -> ProblemOutcome:
        """Run the workflow on a problem, then the hidden tests on what it handed over."""
        world = RecordedWorld(
            problem,
            models=configuration.models,
            recordings=self.recordings,
            prices=self.prices,
            checks=self.checks,
        )
        run = await run_workflow(
            self.workflow,
            build_problem_task(problem, configuration, type_=self.workflow.type),
            perform=world.perform,
            decide=world.decide,
        )
        result = run.result or {}
        last = await self._is_correct(problem, world.last_code)
        prices = [self.prices.get(model) for model in world.called]
        failed = run.outcome if isinstance(run.outcome, FlowFailed) else None
        return ProblemOutcome(
            problem=problem.id,
            is_correct=await self._is_correct(problem, result.get("generated_code")),
            is_last_correct=last,
            status=get_status(result) or "none",
            model=result.get("model_used"),
            calls=tuple(world.called),
            cost_usd=None if None in prices else float(sum(filter(None, prices))),
            seconds=round(world.seconds, 3),
            skipped=dict(world.skipped),
            error=f"{failed.error_class}: {failed.message}" if failed else None,
        )

    async def _is_correct(self, problem: CodingProblem, code: object) -> bool:
        return isinstance(code, str) and await passes_hidden(self.checks, problem, code)


def build_problem_task(
    problem: CodingProblem, configuration: Configuration, *, type_: str
) -> TaskBrief:
    """Return the task that a user would submit, with the visible tests as its tests."""
    return TaskBrief(
        id=uuid5(NAMESPACE_URL, f"{problem.id} {configuration.name}"),
        type=type_,
        prompt=build_prompt(problem),
        params=build_params(problem),
    )


def build_prompt(problem: CodingProblem) -> str:
    """Return the request for a problem."""
    return (
        "Complete this Python function. Answer with the whole module, imports included.\n\n"
        f"```python\n{problem.prompt.rstrip()}\n```\n"
    )


def build_params(problem: CodingProblem) -> dict[str, Any]:
    """Return the params of the task."""
    tests = "\n".join(problem.visible_tests)
    return {"language": "python", **({"tests": tests} if tests else {})}


async def passes_hidden(checks: RememberedChecks, problem: CodingProblem, code: str) -> bool:
    """Return whether code passes the hidden tests of its problem, in the sandbox."""
    check = {
        "language": "python",
        "files": {_PROGRAM: code + problem.hidden_program},
        "command": f"python {_PROGRAM}",
    }
    return (await checks.run(check)).passed
