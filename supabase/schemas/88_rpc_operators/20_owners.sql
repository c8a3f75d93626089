create or replace function public.cogo_set_owner(
  p_owner uuid,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    owner uuid, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_owner uuid := coalesce(p_owner, '00000000-0000-0000-0000-000000000000');
begin
  if p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using errcode = 'TQ004',
      message = 'p_max_running must be 0 or more, p_per_minute 1 or more; -1 removes a limit';
  end if;
  insert into cogo.owners as o (owner, paused, max_running, per_minute)
  values (
    v_owner, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (owner) do update
    set paused = coalesce(p_paused, o.paused),
        max_running = nullif(coalesce(p_max_running, o.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, o.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then o.refilled_at end;

  -- A subtask that is inserted meanwhile stays unmarked; limits apply to it as well, at a higher cost.
  perform
     from public.cogo_tasks t
    where t.owner is not distinct from p_owner and t.finished_at is null
    order by t.seq
      for no key update;
  update cogo.subtasks s
     set regulated = true
    from public.cogo_tasks t
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.finished_at is null and not s.regulated;
  -- Turns that the lane has passed meanwhile are assigned anew; otherwise the owner's subtasks
  -- would all be served before everybody else's.
  update cogo.subtasks s
     set level = s.level
    from public.cogo_tasks t, cogo.lane_clocks k
   where t.owner is not distinct from p_owner and t.finished_at is null
     and s.task_id = t.id and s.status = 'queued'
     and k.lane = s.lane and s.turn - 100 * s.level < k.round;
  -- Queued subtasks may be claimable now; a needless message costs little.
  perform cogo.notify_lanes(
    array(
      select distinct on (s.lane) s.id
        from public.cogo_tasks t
        join cogo.subtasks s on s.task_id = t.id
       where t.owner is not distinct from p_owner and t.finished_at is null
         and s.status = 'queued'
       order by s.lane
    )
  );
  return query
    select nullif(o.owner, '00000000-0000-0000-0000-000000000000'), o.paused, o.max_running,
           o.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.owner = v_owner
           )
      from cogo.owners o where o.owner = v_owner;
end;
$$;
comment on function public.cogo_set_owner is
  'Pause, resume or limit an owner (null: tasks without one). Null leaves a setting as it is, -1
removes a limit. Running subtasks of a paused owner, which running counts, are finished.';
