"""`cogo eval routing`: COGO's choices on recorded answers."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from tests.support.evaluation.routing_records import long_csv, wide_csv
from tests.support.servers.command_line import cogo, environment, heed_interrupts


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
        *("--json", "--plot", "x.PNG"),
        home=tmp_path,
    )

    assert ended.returncode == 0, ended.stderr
    with Image.open(tmp_path / "x.PNG") as picture:
        assert (picture.format, picture.size) == ("PNG", (2160, 1960))
        assert len(picture.getcolors(10_000) or ()) > 20
    figures = json.loads(ended.stdout)["figures"]
    assert {each["check"] for each in figures} == {None, "as recorded", "1,0"}
    rules = [each["chosen"] for each in figures if each["name"] == "rules"]
    assert rules == [{"mid": 1.0}, {"mid": 1.0}]


def test_figures_are_printed_even_if_the_picture_cannot_be_written(tmp_path: Path) -> None:
    long_csv(tmp_path / "x.csv", prompts=30)

    ended = cogo(
        *("eval", "routing", "x.csv", "--splits", "1", "--plot", "none/x.svg"), home=tmp_path
    )

    assert ended.returncode == 1
    assert ended.stdout.startswith("30 prompts, 3 models")
    assert "none/x.svg cannot be written" in ended.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("x.csv", "--check", "0.95"), "two shares from 0 to 1"),
        (("x.csv", "--default", "best"), "recorded are cheap, dear, mid"),
        (("x.csv", "--plot", "x.jpeg"), "pictures are .svg or .png"),
        (("x.csv", "--quality", "vaild"), "there is no column 'vaild' (--quality)"),
        (("none.csv",), "No such file"),
    ],
)
def test_what_cannot_be_evaluated_says_why(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    long_csv(tmp_path / "x.csv", prompts=30)

    ended = cogo("eval", "routing", *options, home=tmp_path)

    assert ended.returncode == 2
    assert words in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr


def test_a_simulation_needs_a_policy_and_a_scenario_that_exist(tmp_path: Path) -> None:
    for options, words in (
        (("--policy", "best"), "use auto, rules, scored"),
        (("none.toml",), "neither a file nor one of"),
        (("--plot", "x"), "pictures are .svg or .png"),
    ):
        ended = cogo("eval", "simulation", *options, home=tmp_path)
        assert ended.returncode == 2
        assert words in " ".join(ended.stderr.split())


def run_program(program: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=home,
        env=environment(home),
        preexec_fn=heed_interrupts,
    )


def test_ctrl_c_prints_the_splits_that_are_done(tmp_path: Path) -> None:
    wide_csv(tmp_path / "x.csv", prompts=60)

    ended = run_program(
        "import itertools, os, signal, sys, time\n"
        "from cogo.__main__ import main\n"
        "from cogo.cli.models import evaluate_routing as command\n"
        "whole = command.evaluate\n"
        "def evaluate(*given):\n"
        "    yield from itertools.islice(whole(*given), 1)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(60)\n"
        "command.evaluate = evaluate\n"
        "sys.argv = ['cogo', 'eval', 'routing', 'x.csv', '--json']\n"
        "main()\n",
        tmp_path,
    )

    assert ended.returncode == 130, ended.stderr
    assert [each["seed"] for each in json.loads(ended.stdout)["splits"]] == [0]
    assert ended.stderr == "interrupted after 1 of 5 splits\n"


@pytest.mark.e2e
def test_ctrl_c_prints_the_policies_that_are_done(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(
        'seconds = 10\ndefault = "a"\n[models.a]\nquality = 0.9\nusd = [1, 2]\n'
    )

    ended = run_program(
        "import asyncio, os, signal, sys\n"
        "from cogo.__main__ import main\n"
        "from cogo.evaluation.simulation.run import Simulation\n"
        "whole = Simulation.run\n"
        "async def run(self, url):\n"
        "    if self._policy == 'scored':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        await asyncio.sleep(60)\n"
        "    return await whole(self, url)\n"
        "Simulation.run = run\n"
        "sys.argv = ['cogo', 'eval', 'simulation', 'x.toml', '--json', '--policy', 'rules',\n"
        "            '--policy', 'scored']\n"
        "main()\n",
        tmp_path,
    )

    assert ended.returncode == 130, ended.stderr
    assert [*json.loads(ended.stdout)["policies"]] == ["rules"]
    assert "interrupted after 1 of 2 policies" in ended.stderr
    assert "Traceback" not in ended.stderr


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
