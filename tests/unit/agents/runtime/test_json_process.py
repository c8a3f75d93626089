"""A program in a process of its own, which may not answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.runtime.json_process import JsonProcess, NoAnswer

PROGRAM = """
import json, os, signal, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked == "environment":
        answer = sorted(os.environ)
    elif asked == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif asked == "hang":
        signal.pause()
    elif asked == "babble":
        answer = None
        print("no JSON")
    else:
        answer = [os.getpid(), asked]
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[JsonProcess]:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, "utf-8")
    process = JsonProcess(str(file))
    yield process
    await process.stop()


async def test_the_same_process_answers_again_and_has_none_of_our_variables(
    process: JsonProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "secret")
    big = "x" * 1_000_000

    first, text = await process.ask(big, seconds=60)
    second, _ = await process.ask("again", seconds=60)

    assert (first, text) == (second, big)
    assert "SUPABASE_SECRET_KEY" not in await process.ask("environment", seconds=60)


@pytest.mark.parametrize(
    ("request_", "seconds", "is_late", "message"),
    [
        ("die", 60, False, "SIGKILL"),
        ("hang", 0.05, True, "within 0.05 s"),
        ("babble", 60, False, "its process has ended"),
    ],
)
async def test_a_process_that_does_not_answer_is_replaced(
    process: JsonProcess, request_: str, seconds: float, is_late: bool, message: str
) -> None:
    before, _ = await process.ask("before", seconds=60)

    with pytest.raises(NoAnswer, match=message) as caught:
        await process.ask(request_, seconds=seconds)
    after, text = await process.ask("after", seconds=60)

    assert caught.value.is_late == is_late
    assert after != before
    assert text == "after"
