-- Reroute unserved steps.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.reroute_unserved_steps(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
$function$;

create or replace function public.cogo_reap(p_limit integer DEFAULT 100)
 RETURNS TABLE(reaped integer, dead integer, promoted integer, cancelled integer)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_task_id uuid;
begin
  reaped := 0;
  dead := 0;
  promoted := 0;
  cancelled := 0;
  -- Every agent calls this; one at a time does the work.
  if not pg_try_advisory_xact_lock(hashtextextended('cogo.reap', 0)) then
    return next;
    return;
  end if;

  promoted := cogo.promote_due(p_limit);
  select r.reaped, r.dead, r.cancelled into reaped, dead, cancelled from cogo.reap_leases(p_limit) r;
  perform cogo.apply_wakes(p_limit);
  delete from cogo.wakes w
   where not exists (select from public.cogo_tasks t where t.id = w.parent_id);
  perform cogo.end_unserved_steps(p_limit);
  perform cogo.reroute_unserved_steps(p_limit);
  perform cogo.expire_approvals(p_limit);
  perform cogo.settle_budget_waits(p_limit);
  for v_task_id in
    select t.id
      from public.cogo_tasks t
     where t.deadline < cogo.now() and t.finished_at is null
       and not exists (
         select from cogo.flows f
          where f.task_id = t.id and f.deadline_passed_at > cogo.now() - interval '30 seconds'
       )
     order by t.deadline
     limit p_limit
       for no key update skip locked
  loop
    -- The deadline of its parent may just have cancelled it.
    continue when exists (
      select from public.cogo_tasks t where t.id = v_task_id and t.finished_at is not null
    );
    -- A workflow with steps has 30 seconds to return what it has, unless a parent waits for it.
    if exists (
      select from cogo.flows f
        join cogo.subtasks s on s.task_id = f.task_id and s.key = 'plan'
        join public.cogo_tasks t on t.id = f.task_id
       where f.task_id = v_task_id and f.deadline_passed_at is null and s.finished_at is null
         and t.parent_task_id is null
    ) then
      perform cogo.pass_deadline(v_task_id);
    else
      perform cogo.fail_task(v_task_id, cogo.deadline_error());
    end if;
  end loop;
  delete from cogo.cached_answers c
   where c.key in (
     select e.key from cogo.cached_answers e
      where e.expires_at < cogo.now() order by e.expires_at limit p_limit
   );
  return next;
end;
$function$;

comment on function cogo.reroute_unserved_steps(integer) is
  'Queue for the CIO the asks that have waited for 15 seconds for a model that no running executor
serves, while executors serve others; return how many. Asks of tasks that name a model stay. Skips locked
tasks.';

revoke all on function cogo.reroute_unserved_steps(integer) from public, anon, authenticated, service_role;

grant execute on function cogo.reroute_unserved_steps(integer) to service_role;

insert into cogo.schema_versions (version) values ('20261130030632')
on conflict (version) do nothing;
