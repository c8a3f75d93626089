from pathlib import Path

from tests.attack.areas import AREAS

TESTS = Path(__file__).resolve().parents[1]


def test_every_area_of_attack_has_laws_that_exist() -> None:
    paths = [TESTS / path for laws in AREAS.values() for path in laws]

    assert [path for path in paths if not path.is_file()] == []
