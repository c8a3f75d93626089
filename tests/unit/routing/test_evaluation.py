"""Figures for records whose best choice is known."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.routing.columns import Named
from benchmarks.routing.evaluation import evaluate, summary
from benchmarks.routing.reading import read_table
from benchmarks.routing.table import BadTable
from tests.unit.routing.records import long_csv, wide_csv

SCRIPT = Path(__file__).parents[3] / "scripts" / "eval-routing"


def figures(path: Path, *, seeds: int = 3, tolerance: float = 0.0) -> dict[str, dict[str, Any]]:
    splits = evaluate(read_table(path, Named()), seeds=range(seeds), share=0.7, tolerance=tolerance)
    return {row["policy"]: row for row in summary(splits)}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Build records where `mid` is the best model at one category of three."""
    return figures(long_csv(tmp_path_factory.mktemp("records") / "x.csv", check=True, prompts=600))


def test_the_category_leads_to_more_quality_for_less(found: dict[str, dict[str, Any]]) -> None:
    tuned = found["scored, tuned"]

    assert found["best single"]["settings"] == ["dear"]
    assert tuned["quality_gain"] > 0
    assert tuned["worst_cost_ratio"] < 0.8
    assert tuned["aiq"] > found["zero router"]["aiq"]


def test_a_check_brings_the_quality_of_the_best_for_a_part_of_its_cost(
    found: dict[str, dict[str, Any]],
) -> None:
    assert found["cascade, perfect"]["quality_gain"] >= 0
    assert found["cascade, perfect"]["worst_cost_ratio"] < 0.75
    assert found["cascade, perfect"]["aiq"] > found["cascade, tp 0.80 fp 0.30"]["aiq"]


def test_a_ladder_that_loses_quality_is_climbed_only_where_that_is_tolerated(
    found: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    name = "cascade, tp 0.80 fp 0.30"  # all models fail at the same prompts: only errors differ
    tolerant = figures(long_csv(tmp_path / "x.csv", prompts=600), tolerance=0.1)[name]

    assert found[name]["settings"] == ["declined: best single"]
    assert found[name]["worst_cost_ratio"] == 1
    assert tolerant["worst_cost_ratio"] < 0.75
    assert tolerant["worst_quality_gain"] > -0.2


def test_nothing_beats_the_oracle_and_random_beats_nobody(
    found: dict[str, dict[str, Any]],
) -> None:
    assert max(row["quality"] for row in found.values()) == found["oracle"]["quality"]
    assert found["random"]["quality"] < found["best single"]["quality"]
    assert found["cheapest"]["cost"] == min(row["cost"] for row in found.values())


def test_where_only_the_price_differs_the_cheapest_is_taken(tmp_path: Path) -> None:
    found = figures(long_csv(tmp_path / "x.csv", agree=True))

    assert found["scored, tuned"]["quality_gain"] == 0
    assert found["scored, tuned"]["worst_cost_ratio"] <= 1


def test_a_choice_that_the_training_rows_do_not_support_is_declined(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = ["id,model,score,cost"]
    for number in range(200):
        lines += [f"{number},dear,1,1", f"{number},cheap,{int(number % 10 > 2)},0.1"]
    path.write_text("\n".join(lines))

    tuned = figures(path)["scored, tuned"]

    assert tuned["settings"] == ["declined: best single"]
    assert (tuned["quality_gain"], tuned["worst_cost_ratio"]) == (0, 1)


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,model,score,cost\n1,a,1,1\n1,b,1,1\n")

    with pytest.raises(BadTable, match="too few to split"):
        figures(path)


def test_the_script_prints_a_table_or_json_and_draws(tmp_path: Path) -> None:
    path, picture = wide_csv(tmp_path / "x.csv", prompts=120), tmp_path / "x.svg"

    done = run(path, "--seeds", "2", "--json", "--plot", picture)

    said = json.loads(done.stdout)
    assert said["seeds"] == [0, 1]
    assert {"best single", "oracle", "scored, tuned"} <= {
        each["policy"] for each in said["policies"]
    }
    assert said["curves"]["scored, tuned"]
    assert ET.parse(picture).getroot().tag.endswith("svg")  # noqa: S314 - our own picture


def test_the_script_says_what_is_wrong_and_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")

    done = run(path, check=False)

    assert done.returncode == 2
    assert "no column for the id was found among a, b" in done.stderr
    assert run("--help").stdout.count("scripts/eval-routing") > 3


def run(*arguments: object, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=check
    )
