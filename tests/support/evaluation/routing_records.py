"""Made-up answers of models, as records and in published formats."""

import csv
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Final, NamedTuple

from cogo.evaluation.routing.records import Prompt, Records

CATEGORIES = ("sql", "java", "chat")


class Answer(NamedTuple):
    """One model at one prompt."""

    prompt: str
    category: str
    model: str
    quality: int
    cost: float


def answers(*, prompts: int, agree: bool = False) -> Iterator[Answer]:
    """Three models: `dear` is good at everything, `mid` at one category, `cheap` at easy prompts.

    With `agree` all are right at the same prompts, so that only the price tells them apart.
    """
    chance = random.Random(7)  # noqa: S311 - data of a test
    for number in range(prompts):
        category = CATEGORIES[number % 3]
        hard = chance.random()
        shares = {"cheap": 0.55, "mid": 0.95 if category == "sql" else 0.5, "dear": 0.85}
        for model, cost in (("cheap", 0.0001), ("mid", 0.001), ("dear", 0.01)):
            right = hard < (0.8 if agree else shares[model])
            yield Answer(f"p{number}", category, model, int(right), cost * (0.5 + hard))


def long_csv(path: Path, *, prompts: int = 300, agree: bool = False, check: bool = False) -> Path:
    """Write records as BFCL does: a line a prompt and model; the check accepts one wrong in ten."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        head = ["id", "test_category", "model", "valid", "cost"]
        writer.writerow([*head, "verified"] if check else head)
        for number, each in enumerate(answers(prompts=prompts, agree=agree)):
            line = [each.prompt, each.category, each.model, each.quality, each.cost]
            writer.writerow([*line, int(each.quality or number % 10 == 0)] if check else line)
    return path


def wide_csv(path: Path, *, prompts: int = 300) -> Path:
    """Write records as RouterBench does: a line a prompt, with quality, text and cost a model."""
    by_prompt: dict[str, list[Answer]] = {}
    for each in answers(prompts=prompts):
        by_prompt.setdefault(each.prompt, []).append(each)
    names = [each.model for each in by_prompt["p0"]]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        texts = [f"{name}|model_response" for name in names]
        costs = [f"{name}|total_cost" for name in names]
        writer.writerow(["sample_id", "prompt", "eval_name", *names, *texts, *costs])
        for prompt, found in by_prompt.items():
            qualities = [each.quality for each in found]
            writer.writerow(
                [prompt, "text", found[0].category, *qualities, *(["..."] * len(names))]
                + [each.cost for each in found]
            )
    return path


def agent_jsonl(path: Path, *, prompts: int = 300) -> Path:
    """Write records as SWE-bench does, with costs: a JSON object for each task and agent."""
    with path.open("w") as file:
        for each in answers(prompts=prompts):
            record = {
                "instance_id": f"org__{each.category}-{each.prompt}",
                "repo": each.category,
                "model_name": each.model,
                "resolved": bool(each.quality),
                "instance_cost": each.cost,
            }
            file.write(json.dumps(record) + "\n")
    return path


def nested_jsonl(path: Path, *, prompts: int = 300) -> Path:
    """Write a JSON object for each prompt, with one for each model inside."""
    by_prompt: dict[str, list[Answer]] = {}
    for each in answers(prompts=prompts):
        by_prompt.setdefault(each.prompt, []).append(each)
    with path.open("w") as file:
        for prompt, found in by_prompt.items():
            models = {each.model: {"score": each.quality, "usd": each.cost} for each in found}
            record = {"id": prompt, "category": found[0].category, "models": models}
            file.write(json.dumps(record) + "\n")
    return path


def make_records(
    models: Mapping[str, tuple[float | Mapping[str, float], float]],
    *,
    prompts: int = 400,
    categories: Sequence[str] = CATEGORIES,
    alike: float = 0.5,
    seed: int = 1,
) -> Records:
    """Return answers of models with these shares of right answers and these mean costs.

    `alike` is how much models fail at the same prompts: 0 by chance, 1 as much as they can.
    """
    chance = random.Random(seed)  # noqa: S311 - data of a test
    names = tuple(sorted(models))
    made = []
    for number in range(prompts):
        category, hard = categories[number % len(categories)], chance.gauss()
        quality, cost = [], []
        for name in names:
            share, usd = models[name]
            right = share if isinstance(share, float) else share[category]
            luck = sqrt(alike) * hard + sqrt(1 - alike) * chance.gauss()
            quality.append(float(NormalDist().cdf(luck) < right))
            cost.append(usd * chance.uniform(0.5, 1.5))
        made.append(
            Prompt(id=f"p{number}", category=category, quality=tuple(quality), cost=tuple(cost))
        )
    return Records(models=names, prompts=tuple(made))


def make_crowd(count: int, *, seed: int = 3) -> dict[str, tuple[Mapping[str, float], float]]:
    """Return models of which the dearer ones tend to be better, each better at some categories."""
    chance = random.Random(seed)  # noqa: S311 - data of a test
    crowd: dict[str, tuple[Mapping[str, float], float]] = {}
    for number in range(count):
        price = 1e-5 * 10 ** (3 * number / max(count - 1, 1))
        usual = 0.5 + 0.35 * number / max(count - 1, 1)
        shares = {each: min(max(usual + chance.gauss(0, 0.12), 0.05), 0.97) for each in CATEGORIES}
        crowd[f"m{number:02}"] = (shares, price * chance.uniform(0.5, 2))
    return crowd


SHAPES: Final[Mapping[str, Callable[[], Records]]] = {
    "two models, a thousandfold apart": lambda: make_records(
        {"small": (0.7, 1e-5), "large": (0.9, 1e-2)}
    ),
    "24 models": lambda: make_records(make_crowd(24), prompts=600),
    "49 models": lambda: make_records(make_crowd(49), prompts=600),
    "30 prompts": lambda: make_records(make_crowd(6), prompts=30),
    "one category": lambda: make_records(make_crowd(8), categories=CATEGORIES[:1]),
    "equal qualities": lambda: make_records(
        {"small": (0.8, 1e-5), "middle": (0.8, 1e-4), "large": (0.8, 1e-3)}, alike=1.0
    ),
    "a free model": lambda: make_records({"free": (0.6, 0.0), "paid": (0.85, 1e-3)}),
    "a free model that is best": lambda: make_records({"free": (0.9, 0.0), "paid": (0.8, 1e-3)}),
}
"""Records of the shapes that users have."""
