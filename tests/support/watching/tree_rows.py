"""The rows of a task with child tasks, as far as those who watch it read them."""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from protocol.ids import utc_now
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.transcript import ChildBegan, TaskEnded, TaskUpdate, TranscriptDelta

TASK: Final = UUID("1" * 32)
CHILD: Final = UUID("2" * 32)
GRANDCHILD: Final = UUID("3" * 32)


@dataclass
class TreeRows:
    """The rows of several tasks."""

    events: dict[UUID, list[Event]] = field(default_factory=dict)
    subtasks: dict[UUID, dict[UUID, Subtask]] = field(default_factory=dict)
    read: list[UUID] = field(default_factory=list)

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        self.read.append(task_id)
        return [each for each in self.events.get(task_id, []) if each.seq > after]

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        return list(self.subtasks.get(task_id, {}).values())

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        assert task_id in self.events
        return []

    async def fetch_task(self, *, task_id: UUID) -> Task:
        row = {"id": task_id, "type": "CHAT", "prompt": "p", "status": "completed"}
        return Task.model_validate(row | {"created_at": utc_now()})

    def happen(
        self,
        task_id: UUID,
        kind: str,
        *,
        subtask_id: UUID | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        known = self.events.setdefault(task_id, [])
        event = Event(
            task_id=task_id, seq=len(known) + 1, at=utc_now(), kind=kind, subtask_id=subtask_id,
            attempt=1, detail=detail or {},
        )  # fmt: skip
        known.append(event)

    def become(self, task_id: UUID, key: str, status: str, **fields: Any) -> None:
        known = self.subtasks.setdefault(task_id, {})
        subtask_id = next((each.id for each in known.values() if each.key == key), uuid4())
        row = {"id": subtask_id, "task_id": task_id, "key": key, "type": "CHAT", "lane": "m"}
        counts = {"attempt": 1, "failures": 0, "reaps": 0, "sink": True}
        times = {"status": status, "created_at": utc_now()}
        known[subtask_id] = Subtask.model_validate(row | counts | times | fields)
        detail = {"key": key, "lane": known[subtask_id].lane}
        if (kind := known[subtask_id].kind) != "ask":
            detail["kind"] = kind
        self.happen(task_id, f"subtask.{status}", subtask_id=subtask_id, detail=detail)

    def begin_child(self, task_id: UUID, key: str, child_id: UUID) -> None:
        self.become(task_id, key, "waiting", kind="task", lane="wait", child_task_id=child_id)


def build_finished_tree() -> TreeRows:
    """Return a task with a child and a grandchild, each of which has said something."""
    rows = TreeRows()
    rows.become(TASK, "plan", "completed", output={"text": "a plan"})
    rows.begin_child(TASK, "implement", CHILD)
    rows.become(CHILD, "draft", "completed", output={"text": "a draft"})
    rows.begin_child(CHILD, "review", GRANDCHILD)
    rows.become(GRANDCHILD, "critic", "completed", output={"text": "a doubt"})
    for task_id in (GRANDCHILD, CHILD, TASK):
        rows.happen(task_id, "task.completed")
    return rows


def describe(update: TaskUpdate) -> str:
    """Return an update in a few words, with the first digit of its task."""
    match update:
        case ChildBegan():
            return f"{update.key} is {str(update.child_task_id)[0]}"
        case TranscriptDelta():
            assert update.is_answer is (update.task_id == TASK)
            return f"{str(update.task_id)[0]} says {update.delta}"
        case TaskEnded(task):
            return f"{str(task.id)[0]} ends"
        case Event():
            return f"{str(update.task_id)[0]} {update.kind}"
    raise AssertionError(update)
