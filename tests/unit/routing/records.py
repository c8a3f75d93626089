"""Made-up answers of models, in published formats."""

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
