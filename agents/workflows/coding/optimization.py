"""The work of making code faster: what it is about, what was shown, and its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from agents.workflows.coding.analysis import find_code_in
from agents.workflows.coding.candidates import CodeAttempt, find_best
from agents.workflows.coding.job import CodeJob, TestSuite, read_job
from agents.workflows.coding.results import Spending, judge
from agents.workflows.coding.speed import Proof, Timing
from agents.workflows.engine import Answer, Result, Run, StepFailed
from agents.workflows.params import OptimizationParams
from agents.workflows.prompts import code as prompts
from protocol.verification import add_summary


@dataclass(slots=True, kw_only=True)
class Optimization:
    """A task of type OPTIMIZE_CODE in the hands of its workflow."""

    job: CodeJob
    original: str
    """Empty if it is not known."""
    tests: TestSuite | None
    workload: str | None = None
    prover: str | None = None
    """The model that wrote the workload, and tests if the task has none."""
    problem: str | None = "no workload was written"
    others: list[Answer] = field(default_factory=list)
    tried: list[CodeAttempt] = field(default_factory=list)
    timings: list[tuple[CodeAttempt, Timing]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether a candidate is faster, or none can be measured."""
        return any(timing.is_faster or timing.measured is None for _, timing in self.timings)

    def find_obstacle(self) -> str | None:
        """Return why versions are not compared, as the end of a sentence; None if they are."""
        if not self.original.strip():
            return "the task has no params.code to compare with"
        if self.job.language != "python":
            return f"the speed of {self.job.language} is not measured"
        return None

    def build_original_files(self) -> dict[str, str]:
        """Return the files of the original program."""
        return {**self.job.files, self.job.main_file: self.original}

    def add_proof(self, proof: Proof, output: Mapping[str, Any], cost: Decimal | None) -> None:
        """Take over what a model wrote to compare the versions."""
        model = output.get("model_used")
        self.prover = model if isinstance(model, str) else "another model"
        self.workload = proof.workload
        self.others.append(Answer(text="", model=self.prover, cost_usd=cost))


def read_optimization(run: Run) -> Optimization:
    """Return what a task of type OPTIMIZE_CODE is about."""
    params = run.params_as(OptimizationParams)
    job = read_job(run, OptimizationParams)
    original = params.code or params.code_context or find_code_in(run.prompt) or ""
    prompt = prompts.ask_for_speed(run.prompt, original) if original else run.prompt
    return Optimization(job=replace(job, prompt=prompt), original=original, tests=job.tests)


def build_optimized_result(
    work: Optimization, strongest: Mapping[str, Any], stopped: StepFailed | None
) -> Result:
    """Return the fastest equal candidate; the original if none is shown to be faster."""
    spent = Spending(attempts=work.tried, others=work.others, strongest=strongest)
    notes = [f"It was not tried further: {stopped.message}"] if stopped else []
    faster = [each for each in work.timings if each[1].is_faster]
    unmeasured = [each for each in work.timings if each[1].measured is None]
    if faster or (unmeasured and len(unmeasured) == len(work.timings)):
        best, timing = max(faster or unmeasured, key=_get_speedup)
        return _add_timing(judge(best, work.tests, spent, notes), timing, is_original=False)
    nothing = (find_best(work.tried), Timing(problem="no candidate passed its tests"))
    best, timing = max(work.timings, key=_get_speedup, default=nothing)
    result = judge(best, work.tests, spent, notes)
    verification = {"status": "unverified", "reason": "the original was kept", "checks": []}
    output: dict[str, Any] = {
        **(result.output or {}),
        "generated_code": work.original,
        "files": {work.job.main_file: work.original},
        "rejected": {"generated_code": best.candidate.code, "model": best.model},
        "verification": add_summary(verification),
    }
    return _add_timing(Result(result.text, output=output), timing, is_original=True)


def _get_speedup(measured: tuple[CodeAttempt, Timing]) -> float:
    return measured[1].speedup or 0


def _add_timing(result: Result, timing: Timing, *, is_original: bool) -> Result:
    sentence = timing.to_sentence()
    text = f"{sentence} The original is handed back." if is_original else result.text
    output: dict[str, Any] = {
        **(result.output or {}),
        "optimization": timing.to_json() | {"is_original": is_original},
    }
    if not is_original:
        text = f"{text}\n\n{sentence}"
    return Result(text, output=output)
