import pytest

from tests.mutation.generate import is_wording


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
