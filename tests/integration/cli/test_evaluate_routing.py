"""`cogo eval routing`: COGO's choices on recorded answers."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.evaluation.routing_records import long_csv, wide_csv
from tests.support.servers.command_line import cogo


def test_policies_are_measured_printed_and_drawn(tmp_path: Path) -> None:
    wide_csv(tmp_path / "x.csv", prompts=120)

    shown = cogo("eval", "routing", "x.csv", "--splits", "2", "--plot", "x.svg", home=tmp_path)
    printed = cogo("eval", "routing", "x.csv", "--splits", "2", "--json", home=tmp_path)

    assert (shown.returncode, printed.returncode) == (0, 0), shown.stderr + printed.stderr
    assert shown.stdout.startswith("120 prompts, 3 models, 3 categories; 2 splits (seeds 0 to 1)")
    assert "x.svg" in shown.stderr
    assert ET.parse(tmp_path / "x.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own
    report = json.loads(printed.stdout)
    assert [each["seed"] for each in report["splits"]] == [0, 1]
    regimes = {each["regime"] for each in report["figures"]}
    assert regimes == {"baseline", "cold", "learned", "learning"}
    assert {each["check"] for each in report["figures"]} == {None, "0.95,0.10", "0.80,0.30"}


def test_a_recorded_check_and_a_named_default_are_used(tmp_path: Path) -> None:
    long_csv(tmp_path / "x.csv", prompts=60, check=True)

    ended = cogo(
        *("eval", "routing", "x.csv", "--splits", "1", "--check", "1,0", "--default", "mid"),
        "--json",
        home=tmp_path,
    )

    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)["figures"]
    assert {each["check"] for each in figures} == {None, "as recorded", "1,0"}
    rules = [each["chosen"] for each in figures if each["name"] == "rules"]
    assert rules == [{"mid": 1.0}, {"mid": 1.0}]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("x.csv", "--check", "0.95"), "two shares from 0 to 1"),
        (("x.csv", "--default", "best"), "recorded are cheap, dear, mid"),
        (("x.csv", "--plot", "x.png"), "pictures are drawn as .svg"),
        (("x.csv", "--quality", "vaild"), "there is no column 'vaild' (--quality)"),
        (("none.csv",), "No such file"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    long_csv(tmp_path / "x.csv", prompts=30)

    ended = cogo("eval", "routing", *options, home=tmp_path)

    assert ended.returncode == 1
    assert words in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_a_simulation_needs_a_policy_and_a_scenario_that_exist(tmp_path: Path) -> None:
    for options, words in (
        (("--policy", "best"), "use auto, rules, scored"),
        (("none.toml",), "neither a file nor one of"),
        (("--plot", "x.png"), "pictures are drawn as .svg"),
    ):
        ended = cogo("eval", "simulation", *options, home=tmp_path)
        assert ended.returncode == 1
        assert words in " ".join(ended.stderr.split())


@pytest.mark.e2e
def test_a_simulation_prints_and_draws_the_regret_of_policies(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        'seconds = 40\ndefault = "a"\n'
        "[models.a]\nquality = 0.9\nusd = [1, 2]\n"
        "changes = [{ start = 20, end = 30, fails = 1 }]\n"
        "[models.b]\nquality = 0.5\nusd = [1, 2]\n"
    )

    ended = cogo(
        *("eval", "simulation", "x.toml", "--policy", "rules", "--plot", "x.svg", "--json"),
        home=tmp_path,
    )

    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["tasks"] == len(report["policies"]["rules"]["regret_by_task_usd"]) == 20
    assert [each["model"] for each in report["policies"]["rules"]["events"]] == ["a"]
    assert ET.parse(tmp_path / "x.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own
