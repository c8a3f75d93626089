"""The history of a run, read at its end: rows, events, and the answers to agents."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

REPLAYED: dict[str, Any] = {"text": "written by nobody", "replayed": True}
"""The output of a client that writes with attempts that have ended; no row may have it."""


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task as it ended."""

    id: UUID
    idempotency_key: str | None
    status: str
    session_id: UUID | None
    result: str | None
    error: dict[str, Any] | None
    cost_usd: Decimal | None
    tokens: list[int]
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SubtaskRow:
    """A subtask as it ended, with the output of its accepted attempt."""

    id: UUID
    task_id: UUID
    type: str
    status: str
    sink: bool
    attempt: int
    failures: int
    max_failures: int
    reaps: int
    max_reaps: int
    output: str | None
    output_attempt: int | None
    kind: str = "ask"
    end_no: int | None = None
    deps_left: int = 0
    awaited: bool = False
    not_needed: bool = False
    key: str = ""

    @property
    def is_leased(self) -> bool:
        """Return whether agents do it; people, time, events and child tasks end the others."""
        return self.kind in {"flow", "ask", "check", "call"}


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One claim and how it ended."""

    subtask_id: UUID
    attempt: int
    task_id: UUID
    agent_id: str
    lane: str
    claimed_at: datetime
    ended_at: datetime | None
    outcome: str | None
    error: dict[str, Any] | None
    cost_usd: Decimal | None
    tokens: list[int]
    first_token_ms: int | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One transition."""

    task_id: UUID
    seq: int
    at: datetime
    kind: str
    subtask_id: UUID | None
    attempt: int | None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call of a model, as it was booked; more than one outcome if a report came late."""

    id: UUID
    subtask_id: UUID | None
    attempt: int | None
    model: str
    begun_at: datetime
    outcomes: list[str]


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A stored turn of a tool loop."""

    subtask_id: UUID
    seq: int
    kind: str
    attempt: int
    created_at: datetime
    calls: str | None = None
    """Names and arguments of the calls of an answer."""
    status: str | None = None
    """Of a result."""
    content: str | None = None
    is_replayed: bool = False
    """Whether it was stored with an attempt that had ended."""


@dataclass(frozen=True, slots=True)
class ChildRow:
    """A child task, and what its parent knows of it."""

    child_id: UUID
    parent_id: UUID
    subtask_id: UUID
    cost_usd: Decimal | None
    wakes: int
    """What has not been applied to its parent, or to it."""


@dataclass(frozen=True, slots=True)
class JudgementRow:
    """What a source says of an answer, and as what it is counted."""

    subtask_id: UUID
    attempt: int
    owner: UUID | None
    model: str
    kind: str
    source: str
    place: int
    strength: float
    score: float
    judged: float
    good: float
    known_good: float
    known_bad: float
    left: float
    """What has not decayed yet of the weights before."""

    def counts_as(self, judged: float, good: float) -> bool:
        """Return whether it has these weights."""
        return abs(self.judged - judged) < 1e-9 and abs(self.good - good) < 1e-9


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to an agent's completion of an attempt, from the agent's log."""

    subtask_id: UUID
    attempt: int
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The input of a checker. Tasks by id; the rest in order."""

    tasks: dict[UUID, TaskRow] = field(default_factory=dict)
    subtasks: dict[UUID, SubtaskRow] = field(default_factory=dict)
    attempts: dict[UUID, list[AttemptRow]] = field(default_factory=dict)
    """By subtask, in the order of their numbers."""
    events: dict[UUID, list[EventRow]] = field(default_factory=dict)
    """By task, in the order of their numbers."""
    parents: dict[UUID, list[UUID]] = field(default_factory=dict)
    """What a subtask waits for."""
    messages: dict[UUID, list[str]] = field(default_factory=dict)
    """Roles of what was added to conversations, by task."""
    results: dict[UUID, int] = field(default_factory=dict)
    """How often the result of a task was announced to its owner."""
    acks: list[Ack] = field(default_factory=list)
    flows: dict[UUID, int] = field(default_factory=dict)
    """How many ends of steps were counted, by the task of each flow that was suspended."""
    children: list[ChildRow] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)
    reservations: list[UUID] = field(default_factory=list)
    """Calls whose cost is still reserved."""
    questions: dict[UUID, int] = field(default_factory=dict)
    """How many questions to people are open, by subtask."""
    taken: dict[UUID, int] = field(default_factory=dict)
    """How many events that were sent each step has taken."""
    turns: dict[UUID, list[TurnRow]] = field(default_factory=dict)
    """By subtask, in the order of their numbers."""
    runs: list[str] = field(default_factory=list)
    """What tools have written down before they ran: their name and argument."""
    judgements: list[JudgementRow] = field(default_factory=list)
    sums: dict[tuple[str, str, str], dict[str, float]] = field(default_factory=dict)
    """The weights of judgements that the statistics hold, by model, kind of work and source."""
    answers: dict[str, tuple[int, float]] = field(default_factory=dict)
    """How many answers of each model there are, and how many are counted."""
    uncounted: int = 0
    """Ends and judgements of answers that are not counted yet."""
    asked: Counter[str] = field(default_factory=Counter)
    """How many requests the vendors have seen, by their name of the model."""


_WEIGHTS = ("judged", "good", "known_good", "known_bad")
_TOKENS = "array[{0}input_tokens, {0}cached_tokens, {0}output_tokens, {0}reasoning_tokens]"
_TASKS = f"""
select id, idempotency_key, status, session_id, result::text, error, cost_usd,
       {_TOKENS.format("")} as tokens, parent_task_id as parent_id
  from public.cogo_tasks
"""  # noqa: S608 - constants
_SUBTASKS = """
select s.id, s.task_id, s.type, s.status, s.sink, s.attempt, s.failures, s.max_failures, s.reaps,
       s.max_reaps, o.output::text, o.attempt as output_attempt, s.kind, s.end_no, s.deps_left,
       s.awaited, s.not_needed, s.key
  from cogo.subtasks s left join cogo.subtask_outputs o on o.subtask_id = s.id
 order by s.seq
"""
_ATTEMPTS = f"""
select subtask_id, attempt, task_id, agent_id, lane, claimed_at, ended_at, outcome, error, cost_usd,
       array(select coalesce(each, 0) from unnest({_TOKENS.format("")}) as each) as tokens,
       first_token_ms
  from public.cogo_attempts order by subtask_id, attempt
"""  # noqa: S608 - constants
_EVENTS = (
    "select task_id, seq, at, kind, subtask_id, attempt from cogo.events order by task_id, seq"
)
_PARENTS = "select child_id, parent_id from cogo.dependencies"
_MESSAGES = "select task_id, role from public.cogo_messages order by seq"
_RESULTS = """
select right(topic, 36)::uuid as task_id, count(*) from realtime.messages
 where topic like 'cogo-results:%' and event = 'TASK_RESULT' group by topic
"""
_FLOWS = "select task_id, ends from cogo.flows"
_CHILDREN = """
select k.child_id, k.parent_id, k.subtask_id, k.cost_usd,
       (select count(*) from cogo.wakes w where w.child_id = k.child_id) as wakes
  from cogo.child_tasks k
"""
_CALLS = """
select id, min(subtask_id::text)::uuid as subtask_id, min(attempt) as attempt,
       coalesce(min(provider_model), min(model_id)) as model, min(started_at) as begun_at,
       array_agg(outcome) as outcomes
  from public.cogo_calls where outcome <> 'cached' group by id order by min(started_at)
"""
_RESERVATIONS = "select call_id from cogo.reservations"
_QUESTIONS = """
select subtask_id, count(*) from public.cogo_approvals
 where answered_at is null and withdrawn_at is null group by 1
"""
_TURNS = """
select subtask_id, seq, kind, attempt, created_at, body ->> 'status' as status,
       body ->> 'content' as content, body ? 'replayed' as is_replayed,
       (
         select string_agg(concat(c.call ->> 'name', c.call ->> 'arguments'), ' and ')
           from jsonb_array_elements(body -> 'message' -> 'tool_calls') as c (call)
       ) as calls
  from cogo.turns order by subtask_id, seq
"""
_JUDGEMENTS = """
select j.subtask_id, j.attempt, nullif(s.owner, '00000000-0000-0000-0000-000000000000') as owner,
       a.model_id as model, cogo.find_kind(j.subtask_id) as kind, j.source, c.place,
       c.bad + (c.good - c.bad) * j.score as strength, j.score, j.judged, j.good, j.known_good,
       j.known_bad, coalesce(cogo.decay(j.counted_at, cogo.now(), 604800), 0) as left
  from cogo.judgements j
  join public.cogo_attempts a using (subtask_id, attempt)
  join cogo.subtasks s on s.id = j.subtask_id
  join cogo.list_judgement_sources() c on c.source = j.source
"""
_SUMS = """
select m.model_id, m.kind, m.source, m.judged * d.left as judged, m.good * d.left as good,
       m.known_good * d.left as known_good, m.known_bad * d.left as known_bad
  from cogo.model_judgements m
 cross join lateral (select cogo.decay(m.counted_at, cogo.now(), 604800) as left) as d
 where m.after = '{}'
"""
_ANSWERS = """
select a.model_id, count(*) as ended, coalesce((
         select sum(m.answered * cogo.decay(m.counted_at, cogo.now(), 604800))
           from cogo.model_outcomes m where m.model_id = a.model_id
       ), 0) as counted
  from public.cogo_attempts a
 where a.outcome = 'completed' and a.model_id is not null and not a.simulated
   and cogo.is_model_lane(a.lane)
 group by a.model_id
"""
_TAKEN = """
select subtask_id, count(*) from public.cogo_sent_events where subtask_id is not null group by 1
"""


async def read_history(
    db_url: str, logs: Iterable[Path], asked: Iterable[str], runs: Iterable[str] = ()
) -> History:
    """Read everything.

    `db_url` is the owner's, who sees all rows; `asked` is from the vendors, `runs` from the tools.
    """
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(db_url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        tasks = [TaskRow(**row) for row in await connection.fetch(_TASKS)]
        subtasks = [SubtaskRow(**row) for row in await connection.fetch(_SUBTASKS)]
        attempts = [AttemptRow(**row) for row in await connection.fetch(_ATTEMPTS)]
        events = [EventRow(**row) for row in await connection.fetch(_EVENTS)]
        parents = [(row["child_id"], row["parent_id"]) for row in await connection.fetch(_PARENTS)]
        messages = [(row["task_id"], row["role"]) for row in await connection.fetch(_MESSAGES)]
        results = {row["task_id"]: row["count"] for row in await connection.fetch(_RESULTS)}
        flows = {row["task_id"]: row["ends"] for row in await connection.fetch(_FLOWS)}
        children = [ChildRow(**row) for row in await connection.fetch(_CHILDREN)]
        calls = [CallRow(**row) for row in await connection.fetch(_CALLS)]
        reserved = [row["call_id"] for row in await connection.fetch(_RESERVATIONS)]
        questions = {row["subtask_id"]: row["count"] for row in await connection.fetch(_QUESTIONS)}
        turns = [TurnRow(**row) for row in await connection.fetch(_TURNS)]
        taken = {row["subtask_id"]: row["count"] for row in await connection.fetch(_TAKEN)}
        # The agents have ended, so nobody else counts.
        while await connection.fetchval("select cogo.count_outcomes(10000)"):
            pass
        async with connection.transaction(isolation="repeatable_read"):
            # What decays is read at one time, which cogo.now() is not, even within a transaction.
            await connection.execute(
                "select set_config('cogo.fake_now', clock_timestamp()::text, true)"
            )
            uncounted = await connection.fetchval("select count(*) from cogo.outcomes")
            judgements = [JudgementRow(**row) for row in await connection.fetch(_JUDGEMENTS)]
            sums = [tuple(row) for row in await connection.fetch(_SUMS)]
            answers = [tuple(row) for row in await connection.fetch(_ANSWERS)]
    finally:
        await connection.close()
    return History(
        tasks={each.id: each for each in tasks},
        subtasks={each.id: each for each in subtasks},
        attempts=_grouped((each.subtask_id, each) for each in attempts),
        events=_grouped((each.task_id, each) for each in events),
        parents=_grouped(parents),
        messages=_grouped(messages),
        results=results,
        acks=[ack for log in logs for ack in _acks(log)],
        flows=flows,
        children=children,
        calls=calls,
        reservations=reserved,
        questions=questions,
        taken=taken,
        turns=_grouped((each.subtask_id, each) for each in turns),
        judgements=judgements,
        sums={row[:3]: dict(zip(_WEIGHTS, row[3:], strict=True)) for row in sums},
        answers={model: (ended, counted) for model, ended, counted in answers},
        uncounted=uncounted,
        runs=list(runs),
        asked=Counter(asked),
    )


_K = TypeVar("_K")
_V = TypeVar("_V")


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    found: dict[_K, list[_V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _acks(log: Path) -> Iterator[Ack]:
    for line in log.read_text(errors="replace").splitlines():
        # A process that is killed may leave half a line, and Python's own words are no JSON.
        if '"attempt ended"' in line and line.endswith("}"):
            fields = json.loads(line)
            yield Ack(UUID(fields["subtask_id"]), fields["attempt"], fields["answer"])
