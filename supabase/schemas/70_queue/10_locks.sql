create or replace function cogo.lock_tasks(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  -- By seq, so that two batches never wait for each other. `+ 0` keeps the planner from reading the
  -- whole index on seq, which a plan made for few tasks would do for many.
  perform
     from public.cogo_tasks t
    where t.id = any (
            array(select s.task_id from cogo.subtasks s where s.id = any (p_subtask_ids))
          )
    order by t.seq + 0
      for no key update;
end;
$$;
comment on function cogo.lock_tasks is 'Lock the tasks of subtasks, by seq.';

-- Messages get their seq under this lock, so that a session has them in the order of the commits and
-- the two of a turn stand beside each other.
create or replace function cogo.lock_sessions(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform
     from public.cogo_sessions e
    where e.seq = any (
            array(
              select f.seq
                from cogo.subtasks s
                join public.cogo_tasks t on t.id = s.task_id and t.session_id is not null
                join public.cogo_sessions f
                  on f.id = t.session_id
                 and (f.owner = t.owner or f.owner is null and t.owner is null)
               where s.id = any (p_subtask_ids)
            )
          )
    order by e.seq
      for no key update;
end;
$$;
comment on function cogo.lock_sessions is
  'Lock the sessions of subtasks, by seq, after their tasks.';

-- Lanes by name, then owners by id, before any task. An owner is locked only if one of their
-- subtasks can be claimed. Lane cio does not count for owners.
create or replace function cogo.lock_limits(p_lanes text[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform
     from cogo.lanes l
    where l.lane = any (p_lanes) and (l.max_running is not null or l.per_minute is not null)
    order by l.lane
      for no key update;
  perform
     from cogo.owners o
    where (o.max_running is not null or o.per_minute is not null)
      and not o.paused
      and exists (
        select
          from unnest(p_lanes) as l (lane)
         cross join lateral (
           select from cogo.subtasks s
            where s.status = 'queued' and s.lane = l.lane and s.owner = o.owner
            limit 1
         ) as claimable
         where l.lane <> 'cio'
      )
    order by o.owner
      for no key update;
end;
$$;
comment on function cogo.lock_limits is
  'Lock the limits of lanes and owners. What they allow is read in a later statement.';
