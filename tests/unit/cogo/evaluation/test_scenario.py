"""Scenarios of simulations: what they say, and files that cannot be used."""

from pathlib import Path

import pytest

from cogo.evaluation.simulation.scenario import NAMES, BadScenario, Scenario

MODEL = "[models.a]\nquality = 0.5\nusd = [1, 2]\n"
BASE = f'seconds = 10\ndefault = "a"\n{MODEL}'
BAD = [
    ("seconds = ", "cannot be read"),
    (f"seconds = 10\n{MODEL}", "default: Field required"),
    (f'seconds = 10\ndefault = "b"\n{MODEL}', "the default 'b' is none of a"),
    (f"{BASE}arrives = 5\n", "must be there from the start"),
    (f"{BASE}quality_of_code = 1\n", "models.a.quality_of_code: Extra inputs"),
    (BASE.replace("quality = 0.5", "quality = { chat = 1 }"), "has no quality for code-generation"),
    (BASE.replace("0.5", "5"), "less than or equal to 1"),
    (BASE.replace("seconds = 10", "seconds = 1e9"), "make step_s longer"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_a_scenario_that_cannot_be_played_says_why(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)

    with pytest.raises(BadScenario) as caught:
        Scenario.read(str(path))

    assert words in str(caught.value)


def test_a_file_that_is_not_there_says_which_scenarios_are() -> None:
    with pytest.raises(BadScenario, match="neither a file nor one of changes, outage"):
        Scenario.read("none.toml")


@pytest.mark.parametrize("name", NAMES)
def test_the_packaged_scenarios_can_be_played(name: str) -> None:
    scenario = Scenario.read(name)

    assert len(scenario.list_events()) >= 3
    assert scenario.default in scenario.list_lanes(0)


def test_prices_and_lanes_follow_the_scenario() -> None:
    scenario = Scenario.read("changes")
    week = 7 * 86_400

    before, during = (
        scenario.build_catalogue(second).get_model("middle").deployments[0].prices
        for second in (0, week + 1)
    )

    assert before is not None
    assert during is not None
    assert during.output == 5 * before.output
    assert scenario.list_lanes(0) == ["large", "middle", "small"]
    assert scenario.list_lanes(2 * week) == ["large", "middle", "new", "small"]
