"""Files of workflows must not contain what differs between two replays."""

from pathlib import Path

import pytest

import agents.workflows
from agents.workflows.hosting.source_rules import find_source_problems


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import time", "import time"),
        ("import random as r", "import random"),
        ("from asyncio import sleep", "import asyncio"),
        ("import os.path", "import os.path"),
        ("import urllib.request", "import urllib.request"),
        ("from subprocess import run", "import subprocess"),
        ("from datetime import datetime; datetime.now()", "datetime.datetime.now()"),
        ("import datetime as dt; dt.datetime.utcnow()", "datetime.datetime.utcnow()"),
        ("from datetime import date as d; d.today()", "datetime.date.today()"),
        ("from uuid import uuid4; uuid4()", "uuid.uuid4()"),
        ("import uuid; uuid.uuid1()", "uuid.uuid1()"),
        ("open('notes.txt')", "open()"),
    ],
)
def test_what_differs_between_replays_is_refused_with_its_line(line: str, what: str) -> None:
    [problem] = find_source_problems(f"'''Flows.'''\n{line}\n", "flows.py")

    assert (problem.line, problem.what) == (2, what)
    assert str(problem).startswith(f"flows.py:2: {what} is refused")


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import UTC, datetime, timedelta; datetime(2026, 1, 1, tzinfo=UTC)",
        "from uuid import UUID; UUID(int=1)",
        "from .time import parts",
        "import json, re, math, decimal, dataclasses, pydantic",
        "run.random.random(); run.now",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio",
    ],
)
def test_what_is_the_same_in_every_replay_is_allowed(line: str) -> None:
    assert not find_source_problems(line, "flows.py")


def test_our_own_workflows_keep_the_rules() -> None:
    folder = Path(agents.workflows.__file__).parent
    problems = [
        problem
        for file in [*folder.glob("*.py"), *folder.glob("coding/*.py")]
        if file.name != "timing_program.py"  # it is run in the sandbox
        for problem in find_source_problems(file.read_text("utf-8"), file.name)
    ]

    assert not problems
