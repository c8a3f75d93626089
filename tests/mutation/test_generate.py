import tomllib
from pathlib import Path

import pytest

from cogo import PACKAGES
from tests.mutation.generate import is_wording
from tests.mutation.python_mutants import CONFIGURATION

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('raise Refused("it has expired")', 'raise Refused("XXit has expiredXX")', True),
        ('raise Refused("it has expired")', 'raise Refused("IT HAS EXPIRED")', True),
        ('raise Refused("it has expired")', "raise Refused(None)", False),
        ('return {"status": "it runs"}', 'return {"XXstatusXX": "it runs"}', False),
        ('read(said="last_id")', 'read(said="LAST_ID")', False),
        ("a + b", "a - b", False),
    ],
)
def test_only_another_wording_of_a_sentence_is_left_out(old: str, new: str, expected: bool) -> None:
    diff = f"--- a.py\n+++ a.py\n@@ -1 +1 @@\n-    {old}\n+    {new}\n"

    assert is_wording(diff) is expected


def test_the_configuration_of_mutmut_names_all_packages_and_paths_that_exist() -> None:
    mutmut = tomllib.loads(CONFIGURATION)["tool"]["mutmut"]
    tests = mutmut["pytest_add_cli_args_test_selection"]
    paths = [*mutmut["do_not_mutate"], *mutmut["also_copy"], *tests]

    assert sorted(mutmut["source_paths"]) == sorted(PACKAGES)
    assert [path for path in paths if not (ROOT / path).exists()] == []
