-- The lanes are read one by one from an index, so the cost does not grow with the queue. Of an unserved
-- lane at most a thousand subtasks are looked at: more than that are only there if most are pinned.
create or replace function cogo.reroute_unserved_steps(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_served text[];
  v_unserved text[];
  v_ids uuid[];
  v_tasks uuid[];
begin
  select array_agg(distinct l.lane) into v_served
    from public.cogo_agents g, unnest(g.lanes) as l (lane)
   where g.kind = 'executor' and g.stopped_at is null
     and g.heartbeat_at > cogo.now() - interval '30 seconds' and cogo.is_model_lane(l.lane);
  if v_served is null then
    return 0;
  end if;
  with recursive queued as (
    (select s.lane from cogo.subtasks s where s.status = 'queued' order by s.lane limit 1)
    union all
    select (
        select s.lane from cogo.subtasks s
         where s.status = 'queued' and s.lane > q.lane order by s.lane limit 1
      )
      from queued q where q.lane is not null
  )
  select array_agg(q.lane) into v_unserved
    from queued q
   where cogo.is_model_lane(q.lane) and q.lane <> all (v_served);
  if v_unserved is null then
    return 0;
  end if;

  select array_agg(c.id), array_agg(distinct c.task_id) into v_ids, v_tasks
    from unnest(v_unserved) as u (lane)
   cross join lateral (
     select s.id, s.task_id, s.kind
       from cogo.subtasks s
      where s.status = 'queued' and s.lane = u.lane
      order by s.lane, s.owner, s.level, s.turn, s.seq
      limit 1000
   ) as c
   where c.kind = 'ask';
  select array_agg(k.id) into v_tasks
    from (
      select t.id
        from public.cogo_tasks t
       where t.id = any (v_tasks) and t.model is null
       order by t.seq
       limit p_limit
         for no key update skip locked
    ) as k;
  select array_agg(s.id) into v_ids
    from cogo.subtasks s
   where s.id = any (v_ids) and s.task_id = any (v_tasks)
     and not exists (
       select from cogo.events e
        where e.task_id = s.task_id and e.subtask_id = s.id and e.kind = 'subtask.queued'
          and e.at > cogo.now() - interval '15 seconds'
     );
  if v_ids is null then
    return 0;
  end if;
  -- In a later statement than the locks: meanwhile they may have been claimed.
  with moved as (
    update cogo.subtasks s
       set lane = 'cio'
     where s.id = any (v_ids) and s.status = 'queued' and s.lane = any (v_unserved)
    returning s.id
  )
  select array_agg(m.id) into v_ids from moved m;
  if v_ids is null then
    return 0;
  end if;
  perform cogo.notify_lanes(v_ids);
  return cardinality(v_ids);
end;
$$;
comment on function cogo.reroute_unserved_steps is
  'Queue for the CIO the asks that have waited for 15 seconds for a model that no running executor
serves, while executors serve others; return how many. Asks of tasks that name a model stay. Skips locked
tasks.';
