-- Reads only open subtasks (each branch has a partial index) and the attempts of the last five
-- minutes, so its cost does not grow with the history.
create or replace function public.cogo_queue()
  returns table (
    lane text, owner uuid, queued bigint, blocked bigint, delayed bigint, waiting bigint,
    held bigint, running bigint, dead bigint, oldest_at timestamptz, oldest_ms bigint,
    completed_per_minute numeric, failed_per_minute numeric,
    lane_paused boolean, lane_max_running integer, lane_per_minute integer,
    owner_paused boolean, owner_max_running integer, owner_per_minute integer
  )
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  with open as (
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'queued'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'blocked'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'running'
     union all
    select s.lane, s.owner, s.status, s.created_at from cogo.subtasks s where s.status = 'delayed'
     union all
    select s.lane, s.owner, s.status, s.created_at
      from cogo.subtasks s where s.status in ('waiting', 'held')
     union all
    select s.lane, s.owner, 'dead', null
      from cogo.subtasks s where s.dead_at is not null
  ), counts as (
    select o.lane, o.owner,
           count(*) filter (where o.status = 'queued') as queued,
           count(*) filter (where o.status = 'blocked') as blocked,
           count(*) filter (where o.status = 'delayed') as delayed,
           count(*) filter (where o.status = 'waiting') as waiting,
           count(*) filter (where o.status = 'held') as held,
           count(*) filter (where o.status = 'running') as running,
           count(*) filter (where o.status = 'dead') as dead,
           min(o.created_at) filter (where o.status = 'queued') as oldest_at
      from open o
     group by o.lane, o.owner
  ), rates as (
    select a.lane, s.owner,
           round(count(*) filter (where a.outcome in ('completed', 'suspended')) / 5.0, 1) as completed,
           round(count(*) filter (where a.outcome in ('failed', 'reaped')) / 5.0, 1) as failed
      from public.cogo_attempts a
      join cogo.subtasks s on s.id = a.subtask_id
     where a.ended_at > (select cogo.now()) - interval '5 minutes'
     group by a.lane, s.owner
  )
  select lane, nullif(owner, '00000000-0000-0000-0000-000000000000'),
         coalesce(q.queued, 0), coalesce(q.blocked, 0), coalesce(q.delayed, 0),
         coalesce(q.waiting, 0), coalesce(q.held, 0), coalesce(q.running, 0), coalesce(q.dead, 0),
         q.oldest_at, cogo.elapsed_ms(q.oldest_at, cogo.now()),
         coalesce(r.completed, 0), coalesce(r.failed, 0),
         coalesce(l.paused, false), l.max_running, l.per_minute,
         coalesce(o.paused, false), o.max_running, o.per_minute
    from counts q
    full join rates r using (lane, owner)
    full join cogo.lanes l using (lane)
    left join cogo.owners o using (owner)
   order by lane, owner nulls first;
$$;
comment on function public.cogo_queue is
  'For operators, per lane and owner: subtasks by status, age of the oldest queued one, dead letters,
ended attempts per minute (over five minutes), limits.';
