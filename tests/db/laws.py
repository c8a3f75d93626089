"""Invariants of the database, as queries that find the exceptions."""

from typing import Final

from tests.support.sql.database import Connection

LAWS: Final = {
    "attempts count from 1 without a gap": """
        select s.id from cogo.subtasks s
         where s.attempt <> (select count(*) from public.cogo_attempts a where a.subtask_id = s.id)
            or s.attempt <> (
              select coalesce(max(a.attempt), 0) from public.cogo_attempts a
               where a.subtask_id = s.id
            )
    """,
    "what runs has one open attempt, the latest, and nothing else has any": """
        select s.id from cogo.subtasks s
         where (s.status = 'running') <> exists (
           select from public.cogo_attempts a
            where a.subtask_id = s.id and a.attempt = s.attempt and a.ended_at is null
         )
    """,
    "leases do not overlap": """
        select a.subtask_id from public.cogo_attempts a
          join public.cogo_attempts b on b.subtask_id = a.subtask_id and b.attempt = a.attempt + 1
         where a.ended_at is null or a.ended_at > b.claimed_at
    """,
    "events have no gap": """
        select t.id from public.cogo_tasks t
         where (select count(*) from cogo.events e where e.task_id = t.id)
               is distinct from (select max(e.seq) from cogo.events e where e.task_id = t.id)
    """,
    "the last event of each thing is where it stands": """
        select s.id from cogo.subtasks s
         where 'subtask.' || s.status <> (
           select e.kind from cogo.events e
            where e.subtask_id = s.id and e.kind like 'subtask.%'
            order by e.seq desc limit 1
         )
        union all
        select t.id from public.cogo_tasks t
         where 'task.' || t.status <> (
           select e.kind from cogo.events e where e.task_id = t.id and e.subtask_id is null
            order by e.seq desc limit 1
         )
    """,
    "deps_left counts the parents that are neither completed nor done without": """
        select s.id from cogo.subtasks s
         where s.kind <> 'flow' and s.deps_left <> (
           select count(*) from cogo.dependencies d join cogo.subtasks p on p.id = d.parent_id
            where d.child_id = s.id and p.status <> 'completed'
              and not (p.dead_at is not null and p.on_failure = 'continue')
         )
    """,
    "nothing is open in a task that is over, and what runs there was asked to stop": """
        select s.id from cogo.subtasks s join public.cogo_tasks t on t.id = s.task_id
         where t.finished_at is not null
           and (s.status in ('blocked', 'queued', 'delayed', 'waiting', 'held')
                or s.status = 'running' and s.cancel_requested_at is null)
    """,
    "nothing can be claimed of a task that is held": """
        select s.id from cogo.subtasks s join public.cogo_tasks t on t.id = s.task_id
         where t.status = 'held' and s.status in ('blocked', 'queued', 'delayed', 'waiting')
    """,
    "a flow waits for the open steps that it has marked, or for one of them": """
        select f.id from cogo.subtasks f
         cross join lateral (
           select count(*) filter (where s.awaited) as marked,
                  bool_or(s.awaited and (s.finished_at is not null or s.not_needed)) as wrong
             from cogo.subtasks s where s.task_id = f.task_id and s.kind <> 'flow'
         ) as steps
         where f.kind = 'flow' and f.finished_at is null
           and (steps.wrong
                or f.deps_left <> steps.marked and not (f.deps_left = 1 and steps.marked > 1)
                or f.status = 'blocked' and f.deps_left = 0)
    """,
    "the ends of steps have numbers, each its own, up to the number of ends": """
        select s.id from cogo.subtasks s join cogo.flows f on f.task_id = s.task_id
         where s.kind <> 'flow' and not s.sink
           and ((s.end_no is not null) <> (s.status in ('completed', 'failed'))
                or s.end_no > f.ends)
        union all
        select min(s.id::text)::uuid from cogo.subtasks s where s.end_no is not null
         group by s.task_id, s.end_no having count(*) > 1
    """,
    "one open subtask at most gives the result": """
        select min(s.id::text)::uuid from cogo.subtasks s where s.sink and s.status <> 'cancelled'
         group by s.task_id having count(*) > 1
    """,
    "an open task has something that can go on": """
        select t.id from public.cogo_tasks t
         where t.status in ('pending', 'running')
           and not exists (
             select from cogo.subtasks s
              where s.task_id = t.id and s.status in ('queued', 'delayed', 'waiting', 'running')
           )
    """,
    "a completed task has the output of its sink": """
        select t.id from public.cogo_tasks t
         where t.status = 'completed' and not exists (
           select from cogo.subtasks s join cogo.subtask_outputs o on o.subtask_id = s.id
            where s.task_id = t.id and s.sink and s.status = 'completed' and o.output = t.result
         )
    """,
    "there is one output for each completed subtask": """
        select s.id from cogo.subtasks s left join cogo.subtask_outputs o on o.subtask_id = s.id
         where (s.status = 'completed') <> (o.subtask_id is not null) or o.attempt <> s.attempt
    """,
    "a task costs what its attempts cost, and the child tasks of which it has learned": """
        select t.id from public.cogo_tasks t
         where t.cost_usd is distinct from (
           select case when bool_and(c.usd is not null) is not false
                    then coalesce(sum(c.usd), 0) end
             from (
               select a.cost_usd from public.cogo_attempts a
                where a.task_id = t.id and a.ended_at is not null
               union all
               select k.cost_usd from cogo.child_tasks k where k.parent_id = t.id
             ) as c (usd)
         )
    """,
    "an ended child task whose parent has no wake of it has been booked": """
        select k.child_id from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
         where t.finished_at is not null and k.cost_usd is distinct from t.cost_usd
           and not exists (select from cogo.wakes w where w.child_id = k.child_id)
    """,
    "a step that waits for a child task has one that is open, or a wake": """
        select s.id from cogo.subtasks s
         where s.kind = 'task' and s.finished_at is null
           and not exists (
             select from cogo.child_tasks k join public.cogo_tasks t on t.id = k.child_id
              where k.subtask_id = s.id and t.finished_at is null
           )
           and not exists (select from cogo.wakes w where w.subtask_id = s.id)
    """,
    "a child task is open only while its step is, or a wake will cancel it": """
        select k.child_id from cogo.child_tasks k
          join public.cogo_tasks t on t.id = k.child_id
          join cogo.subtasks s on s.id = k.subtask_id
         where t.finished_at is null and s.finished_at is not null
           and not exists (
             select from cogo.wakes w where w.child_id = k.child_id and w.reason = 'cancel'
           )
    """,
    "an approval is open only while its subtask waits": """
        select a.id from public.cogo_approvals a join cogo.subtasks s on s.id = a.subtask_id
         where a.answered_at is null and a.withdrawn_at is null
           and s.status not in ('waiting', 'held')
    """,
    "what waits has an open approval, or waits for something else": """
        select s.id from cogo.subtasks s
         where s.status = 'waiting' and s.kind not in ('event', 'task') and not exists (
           select from public.cogo_approvals a
            where a.subtask_id = s.id and a.answered_at is null and a.withdrawn_at is null
         ) and not exists (select from cogo.budget_waits w where w.subtask_id = s.id)
    """,
    "only what waits is among those that wait for a budget": """
        select w.subtask_id from cogo.budget_waits w join cogo.subtasks s on s.id = w.subtask_id
         where s.status not in ('waiting', 'held')
    """,
    "turns count from 1 without a gap, and go with their subtask": """
        select u.subtask_id from cogo.turns u left join cogo.subtasks s on s.id = u.subtask_id
         group by u.subtask_id
        having max(u.seq) <> count(*) or count(s.id) = 0
    """,
    "each answer about a call is a turn": """
        select a.id from public.cogo_approvals a
          join cogo.subtasks s on s.id = a.subtask_id and s.kind = 'ask'
         where a.call_id is not null and a.answered_at is not null and not exists (
           select from cogo.turns u
            where u.subtask_id = a.subtask_id and u.kind = 'approval'
              and u.body ->> 'call_id' = a.call_id
              and (u.body ->> 'approved')::boolean = a.approved
         )
    """,
}


async def broken_laws(connection: Connection) -> list[str]:
    """Return the laws that some row breaks."""
    return [law for law, query in LAWS.items() if await connection.fetch(query)]
