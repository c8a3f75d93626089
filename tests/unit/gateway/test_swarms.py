"""Frames and answers of swarms: the answer's text, what each participant says, and the end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from gateway.auth.principal import LOCAL
from gateway.tasks.swarms import build_answer, get_team_id, stream_frames
from gateway.tasks.task_run import TaskRun, derive_session_id
from protocol.ids import utc_now
from protocol.records import Attempt, Event, Subtask, Task
from protocol.store.queue import QueueStore
from protocol.transcript import (
    ChildBegan,
    TaskEnded,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

TASK, CHILD, STEP, OTHER = uuid4(), uuid4(), uuid4(), uuid4()
BASE = {"content": "", "done": False, "team_id": "t", "session_id": "s", "task_id": str(TASK)}


class Script:
    """A run whose updates are known beforehand, each batch a list."""

    task_id = TASK
    end: Task | None = None

    def __init__(self, *batches: list[TaskUpdate]) -> None:
        self._batches = batches

    async def batches(self) -> AsyncIterator[list[TaskUpdate]]:
        for each in self._batches:
            if each and isinstance(each[-1], TaskEnded):
                self.end = each[-1].task
            yield each


class Rows:
    """The steps of a task, as far as answers read them."""

    def __init__(self, *rows: dict[str, Any], costs: tuple[float | None, ...] = ()) -> None:
        self._rows = [
            Subtask.model_validate(
                {
                    "id": STEP, "task_id": TASK, "key": "draft", "type": "CHAT", "lane": "m",
                    "status": "completed", "attempt": 1, "failures": 0, "reaps": 0, "sink": True,
                    "created_at": utc_now(),
                }
                | each
            )
            for each in rows
        ]  # fmt: skip
        self._costs = costs

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        assert task_id == TASK
        return self._rows

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        row = {"subtask_id": STEP, "task_id": task_id, "agent_id": "e", "lane": "m"}
        return [
            Attempt.model_validate(
                row | {"attempt": number, "claimed_at": utc_now(), "cost_usd": cost}
            )
            for number, cost in enumerate(self._costs, start=1)
        ]


def a_task(status: str = "completed", **fields: Any) -> Task:
    row = {"id": TASK, "type": "CHAT", "prompt": "p", "status": status, "created_at": utc_now()}
    return Task.model_validate(row | fields)


async def frames_of(*batches: list[TaskUpdate], rows: Rows | None = None) -> list[dict[str, Any]]:
    run, store = cast("TaskRun", Script(*batches)), cast("QueueStore", rows or Rows())
    return [each async for each in stream_frames(run, store, team_id="t", session_id="s")]


def says(text: str, *, task: UUID = TASK, step: UUID = STEP, answer: bool) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=task, subtask_id=step, attempt=1, kind="text", offset=0, delta=text,
        key="draft", role="judge", model="m", is_answer=answer,
    )  # fmt: skip


async def test_the_answer_is_content_and_every_participant_is_told_beside_it() -> None:
    child = ChildBegan(task_id=TASK, subtask_id=uuid4(), key="review", child_task_id=CHILD)
    ended = Event(
        task_id=TASK, seq=1, at=utc_now(), kind="subtask.completed", subtask_id=STEP,
        detail={"key": "draft", "lane": "m"},
    )  # fmt: skip
    told = await frames_of(
        [child, says("yes", answer=True), says("no", task=CHILD, step=OTHER, answer=False)],
        [ended, says("!", answer=True)],
    )

    draft = {"agent": "draft", "role": "judge", "model": "m"}
    review = draft | {"agent": "review/draft"}
    assert told == [
        BASE | {"part": draft | {"status": "started"}},
        BASE | {"part": draft | {"status": "delta", "text": "yes"}},
        BASE | {"content": "yes"},
        BASE | {"part": review | {"status": "started"}},
        BASE | {"part": review | {"status": "delta", "text": "no"}},
        BASE | {"part": draft | {"status": "delta", "text": "!"}},
        BASE | {"content": "!"},
        BASE | {"part": draft | {"status": "complete"}},
    ]


async def test_what_child_tasks_do_is_no_status_of_the_task() -> None:
    event = Event(
        task_id=CHILD, seq=1, at=utc_now(), kind="subtask.running", detail={"lane": "cio"}
    )

    assert await frames_of([event], []) == [BASE | {"status": "waiting"}]


async def test_a_frame_about_a_new_attempt_says_that_its_text_starts_again() -> None:
    [frame] = await frames_of([TranscriptReset(task_id=TASK, subtask_id=STEP, attempt=2)])

    assert (frame["status"], frame["discard"]) == ("restarted", True)


@pytest.mark.parametrize(
    ("kind", "detail", "told"),
    [
        ("subtask.running", {"lane": "cio"}, {"status": "planning", "agent": "a-1"}),
        ("subtask.running", {"lane": "m"}, {"status": "working", "agent": "a-1"}),
        ("subtask.delayed", {"lane": "m"}, {"status": "will retry"}),
        ("subtask.delayed", {"lane": "wait", "kind": "sleep"}, {"status": "waiting"}),
        ("subtask.delayed", {"lane": "wait", "kind": "sleep", "key": "verdict:limit"}, None),
        ("subtask.waiting", {"lane": "wait", "kind": "task"}, {"status": "waiting"}),
        (
            "subtask.waiting",
            {"lane": "wait", "kind": "approve", "key": "confirm"},
            {"status": "waiting", "asks": "confirm"},
        ),
    ],
)
async def test_a_swarm_reports_the_progress_of_its_work(
    kind: str, detail: dict[str, str], told: dict[str, str] | None
) -> None:
    event = Event(task_id=TASK, seq=1, at=utc_now(), kind=kind, agent_id="a-1", detail=detail)

    assert await frames_of([event]) == ([] if told is None else [BASE | told])


async def test_a_swarm_tells_of_tool_calls_and_withdraws_what_was_said_before_them() -> None:
    ids: dict[str, Any] = {"task_id": TASK, "subtask_id": STEP, "turn": 1}
    call = ToolCallUpdate(
        **ids,
        call_id="c",
        tool="find",
        arguments={"x": 1},
        status="ok",
        duration_ms=5,
        role="coder",
    )
    aside = TranscriptAside(**ids, attempt=1, kind="narration")

    [withdrawn, told] = await frames_of([aside, call])

    assert (withdrawn["discard"], withdrawn["content"]) == (True, "")
    found = {"tool": "find", "outcome": "ok", "duration_ms": 5}
    assert told == BASE | {"status": "calling", "member": "coder"} | found


async def test_the_end_has_the_responses_and_the_parts_that_the_workflow_tells() -> None:
    verification = {"status": "verified", "summary": "verified: 2 of 2 tests passed (bubblewrap)"}
    parts = [{"agent": "verdict", "model": "m", "text": "yes", "status": "complete"}]
    result = {
        "text": "x", "verification": verification, "receipt": {"sentence": "It passed."},
        "citations": [{"n": 1, "source": "a.md"}], "notes": ["no source was cited"],
        "review": {"agrees": False, "problems": ["p"]},
        "parts": parts, "responses": ["one", "two"],
    }  # fmt: skip
    task = a_task(type="DEBATE", result=result)

    [frame] = await frames_of([TaskEnded(task)])
    answer = await build_answer(cast("QueueStore", Rows()), task, team_id="t", session_id="s")

    assert frame["done"] is True
    for told in (frame, answer):
        assert (told["parts"], told["responses"]) == (parts, ["one", "two"])
        assert told["verification"] == verification
        for name in ("receipt", "citations", "notes", "review"):
            assert told[name] == result[name]
        assert (told["status"], told["workflow"]) == ("complete", "DEBATE")


@pytest.mark.parametrize("result", [{"text": "x"}, {"text": "x", "parts": [{}], "responses": [1]}])
async def test_parts_that_no_workflow_tells_are_those_of_the_steps(result: dict[str, Any]) -> None:
    rows = Rows(
        {"key": "plan", "kind": "flow", "lane": "cio", "id": uuid4()},
        {"metadata": {"role": "coding"}, "output": {"text": "code", "model_used": "m2"}},
        {"key": "check", "kind": "check", "lane": "sandbox:python", "id": uuid4()},
        {"key": "tests", "status": "failed", "error": {"class": "budget"}, "id": uuid4()},
        {"key": "late", "status": "cancelled", "id": uuid4()},
        costs=(0.25, 0.5),
    )
    store = cast("QueueStore", rows)

    answer = await build_answer(store, a_task(result=result), team_id="t", session_id="s")

    assert answer["responses"] == ["x"]
    assert answer["parts"] == [
        {
            "agent": "draft", "role": "coding", "model": "m2", "text": "code",
            "status": "complete", "cost_usd": 0.75,
        },
        {
            "agent": "tests", "role": None, "model": "m", "text": "", "status": "failed",
            "cost_usd": 0.0, "error": {"class": "budget"},
        },
    ]  # fmt: skip


async def test_a_cost_that_is_not_known_is_not_zero_and_a_failed_task_has_its_parts() -> None:
    task = a_task("failed", error={"class": "deadline", "message": "late"})

    [frame] = await frames_of([TaskEnded(task)], rows=Rows({}, costs=(0.25, None)))

    assert (frame["status"], frame["error"]["class"], frame["done"]) == ("failed", "deadline", True)
    assert frame["parts"][0]["cost_usd"] is None


def test_a_task_that_is_picked_up_is_named_by_its_swarm() -> None:
    kinds = ("COORDINATE", "DEBATE", "AUTO", "MINE")

    named = [get_team_id(a_task(type=each)) for each in kinds]

    assert named == ["coordination", "debate-swarm", "auto-swarm", "MINE"]


def test_names_of_sessions_are_local_to_the_owner_and_the_project_of_a_key() -> None:
    owner = uuid4()
    callers = [
        replace(LOCAL, owner=each, project=project)
        for each in (None, owner)
        for project in (None, "web", "app")
    ]
    found = [derive_session_id("chat", each) for each in callers]

    assert len({*found}) == len(callers)
    assert found == [derive_session_id("chat", each) for each in callers]
    assert {derive_session_id(str(owner), each) for each in callers} == {owner}
