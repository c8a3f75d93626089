"""Decisions per second and their duration, with 10, 100 and 1,000 models."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from agents.selection.choose import POLICIES, choose_model
from agents.selection.evidence.checks import CheckName
from agents.selection.evidence.knowledge import Knowledge
from agents.selection.evidence.observations import CheckAccuracy, Observations, Observed
from agents.selection.preferences import Preference, Preferences
from agents.selection.request import SelectionRequest
from agents.selection.requirements import Requirements
from benchmarks.figures import quantiles
from protocol.records.models import PolicyName
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.loader import load_entries
from providers.catalogue.schema import DeploymentEntry, Model, Prices

SIZES = (10, 100, 1_000)
GOAL_SIZE = 100
KIND = "code-generation"
CHECK: CheckName = "run"
MOST_RESCUERS = 20
"""Models that were asked after each other one; the system never sees all pairs."""
DECISIONS = 400
CAPABILITIES = ("code-generation", "code-analysis", "general", "reasoning", "performance")


async def run() -> list[dict[str, Any]]:
    """Measure each policy at each size; prompts, requirements and preferences vary.

    All models have outcomes, with counted checks, also after others failed.
    """
    figures = []
    for size in SIZES:
        catalogue, lanes = _catalogue(size)
        knowledge = _knowledge(lanes)
        for policy in POLICIES:
            questions = list(_questions(lanes, policy))
            choose_model(questions[0], catalogue, knowledge)  # builds the profiles
            samples, busy = [], []
            for question in questions:
                before, worked = time.perf_counter(), time.thread_time()
                choose_model(question, catalogue, knowledge)
                busy.append((time.thread_time() - worked) * 1000)
                samples.append((time.perf_counter() - before) * 1000)
            figures.append(
                {
                    "name": f"selection_{policy.value}_{size}",
                    "unit": "ms a decision",
                    **quantiles(samples),
                    "cpu_p95": quantiles(busy)["p95"],
                    "per_second": round(len(samples) / (sum(samples) / 1000)),
                    **({"goal_cpu_p95": 1.0} if size == GOAL_SIZE else {}),
                }
            )
    return figures


def _catalogue(size: int) -> tuple[Catalogue, list[str]]:
    """Return the packaged catalogue with enough additional models, and the served lanes."""
    entries, origins = load_entries()
    models = dict(entries.models)
    for number in range(size):
        price = Decimal(1 + number % 30) / 2
        models[f"fireworks/model-{number}"] = Model(
            id=f"fireworks/model-{number}",
            name=f"Model {number}",
            maker="Maker",
            deployments=(
                DeploymentEntry(
                    provider="fireworks",
                    model=f"model-{number}",
                    prices=Prices(input=price / 4, output=price, source="a benchmark"),
                ),
            ),
            capabilities=CAPABILITIES[: 2 + number % 4],
            context_window=8_000 * (1 + number % 40),
        )
    catalogue = Catalogue(entries.model_copy(update={"models": models}), origins)
    roles = [catalogue.resolve(role).model.id for role in ("default", "coding")]
    return catalogue, [*roles, *(f"fireworks/model-{n}" for n in range(size - len(roles)))]


def _knowledge(lanes: list[str]) -> Knowledge:
    outcomes = {(lane, KIND): _observed(number) for number, lane in enumerate(lanes)}
    rescues: dict[tuple[tuple[str, ...], str, str], Observed] = {
        ((first,), second, KIND): _observed(number + other)
        for number, first in enumerate(lanes)
        for other, second in enumerate(lanes[:MOST_RESCUERS])
        if second != first
    }
    accuracy = CheckAccuracy(good=200, good_passed=190, bad=100, bad_passed=10)
    checks: dict[tuple[str, str], CheckAccuracy] = {(CHECK, KIND): accuracy}
    return Knowledge(observations=Observations(outcomes=outcomes, rescues=rescues, checks=checks))


def _observed(number: int) -> Observed:
    judged, quality = float(25 + number % 90), 0.5 + number % 40 / 100
    return Observed(
        judged=judged,
        good=judged * quality,
        answered=judged,
        total_ms=4_000,
        cost_usd=0.002 * (1 + number % 7),
        input_tokens=800,
        output_tokens=600 + number % 300,
    )


def _questions(lanes: list[str], policy: PolicyName) -> Iterator[SelectionRequest]:
    for number in range(DECISIONS):
        prompt = f"Write a {'complex ' if number % 3 else ''}parser, number {number}"
        yield SelectionRequest(
            needs=Requirements.from_task("GENERATE_CODE", prompt, {}),
            preferences=Preferences(preference=list(Preference)[number % 4]),
            policy=policy,
            may_team=policy is PolicyName.ENSEMBLE,
            prompt_characters=100 * number,
            served=lanes,
            check=CHECK,
            budget_usd=0.05,
            seed=str(number),
        )
