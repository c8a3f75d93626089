"""`cogo doctor`: names what is missing and what mends it, and gives nothing away."""

import json
from pathlib import Path

from tests.support.command_line import cogo


def test_without_a_supabase_it_says_so_and_how_to_start_one(tmp_path: Path) -> None:
    ended = cogo("doctor", "--json", home=tmp_path)

    found = json.loads(ended.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert (ended.returncode, found["ok"]) == (1, False)
    assert checks["supabase"]["verdict"] == "missing"
    assert checks["supabase"]["cure"] == "cogo up"
    assert checks["keys"]["verdict"] == "note"


def test_an_unreachable_project_is_missing_not_a_traceback(tmp_path: Path) -> None:
    ended = cogo(
        "doctor",
        home=tmp_path,
        SUPABASE_URL="http://127.0.0.1:1",
        SUPABASE_SECRET_KEY="sb_secret_of_nobody",
    )

    assert ended.returncode == 1
    assert "missing supabase: http://127.0.0.1:1 does not answer" in ended.stdout
    assert ended.stderr == ""


def test_keys_are_named_by_their_variables_and_never_shown(tmp_path: Path) -> None:
    ended = cogo("doctor", "--json", home=tmp_path, FIREWORKS_API_KEY="value-of-the-key")

    assert "FIREWORKS_API_KEY" in ended.stdout
    assert "value-of-the-key" not in ended.stdout + ended.stderr


def test_a_mistake_in_the_catalogue_names_file_and_entry(tmp_path: Path) -> None:
    file = tmp_path / "cogo.toml"
    file.write_text('[models."x/y"]\nname = 1\n')

    ended = cogo("doctor", "--json", home=tmp_path, COGO_CATALOGUE=str(file))

    [found] = [
        check for check in json.loads(ended.stdout)["checks"] if check["name"] == "catalogue"
    ]
    assert found["verdict"] == "missing"
    assert "cogo.toml" in found["detail"]
    assert "x/y" in found["detail"]
