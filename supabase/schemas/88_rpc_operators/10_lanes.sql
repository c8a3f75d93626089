create or replace function public.cogo_set_lane(
  p_lane text,
  p_paused boolean default null,
  p_max_running integer default null,
  p_per_minute integer default null
)
  returns table (
    lane text, paused boolean, max_running integer, per_minute integer, running integer
  )
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if coalesce(p_lane, '') = '' or p_max_running < -1 or p_per_minute < -1 or p_per_minute = 0 then
    raise exception using
      errcode = 'TQ004',
      message = 'p_lane must name a lane, p_max_running be 0 or more, p_per_minute 1 or more;'
        ' -1 removes a limit';
  end if;
  insert into cogo.lanes as l (lane, paused, max_running, per_minute)
  values (
    p_lane, coalesce(p_paused, false), nullif(p_max_running, -1), nullif(p_per_minute, -1)
  )
  on conflict (lane) do update
    set paused = coalesce(p_paused, l.paused),
        max_running = nullif(coalesce(p_max_running, l.max_running), -1),
        per_minute = nullif(coalesce(p_per_minute, l.per_minute), -1),
        -- A new rate starts with a full bucket.
        refilled_at = case when p_per_minute is null then l.refilled_at end;

  -- Queued subtasks may be claimable now; a needless message costs little.
  perform cogo.notify_lanes(
    array(select s.id from cogo.subtasks s where s.status = 'queued' and s.lane = p_lane limit 1)
  );
  return query
    select l.lane, l.paused, l.max_running, l.per_minute,
           (
             select count(*)::integer from cogo.subtasks s
              where s.status = 'running' and s.lane = p_lane
           )
      from cogo.lanes l where l.lane = p_lane;
end;
$$;
comment on function public.cogo_set_lane is
  'Pause, resume or limit a lane. Null leaves a setting as it is, -1 removes a limit. A paused lane
drains: running subtasks, which running counts, are finished, and nothing is claimed.';
