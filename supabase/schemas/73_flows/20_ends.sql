-- Whoever ends a step or suspends a flow holds the lock of the task, taken in an earlier statement, and
-- then locks the row of the flow, the steps, and the flow's subtask. So a suspension either sees that a
-- step has ended, and counts it, or marks it before it ends.
create or replace function cogo.wake_flows(p_task_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update cogo.subtasks s
     set awaited = false
   where s.task_id = any (p_task_ids) and s.awaited;
  update cogo.subtasks s
     set deps_left = 0,
         status = case s.status
           when 'blocked' then cogo.resting_status(t.status, 0, false, null, cogo.now(), s.kind)
           else s.status
         end
    from public.cogo_tasks t
   where s.task_id = any (p_task_ids) and s.key = 'plan' and s.kind = 'flow'
     and s.status in ('blocked', 'held') and t.id = s.task_id;
end;
$$;
comment on function cogo.wake_flows is
  'Queue the suspended flows of tasks; one that is held is queued when its task is resumed. The caller
holds the task locks.';

create or replace function cogo.record_ends(p_subtask_ids uuid[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_tasks uuid[];
  v_counts integer[];
begin
  -- The steps of a plan have no flow that waits for them.
  if not exists (
    select from cogo.subtasks s
      join cogo.flows f on f.task_id = s.task_id
     where s.id = any (p_subtask_ids)
  ) then
    return;
  end if;
  with ended as materialized (
    select s.id, s.task_id, s.awaited,
           row_number() over (partition by s.task_id order by e.nth) as nth
      from unnest(p_subtask_ids) with ordinality as e (id, nth)
      join cogo.subtasks s on s.id = e.id
     where s.status in ('completed', 'failed') and s.kind <> 'flow' and s.end_no is null
  ), counted as (
    update cogo.flows f
       set ends = f.ends + c.ends
      from (select e.task_id, count(*)::integer as ends from ended e group by e.task_id) as c
     where f.task_id = c.task_id
    returning f.task_id, f.ends - c.ends as before
  ), numbered as (
    update cogo.subtasks s
       set end_no = c.before + e.nth, awaited = false
      from ended e
      join counted c on c.task_id = e.task_id
     where s.id = e.id
    returning s.task_id, e.awaited
  ), marked as (
    select n.task_id, count(*)::integer as ends from numbered n where n.awaited group by n.task_id
  )
  select array_agg(m.task_id), array_agg(m.ends) into v_tasks, v_counts from marked m;
  if v_tasks is null then
    return;
  end if;
  with counted as (
    update cogo.subtasks s
       set deps_left = greatest(0, s.deps_left - c.ends)
      from unnest(v_tasks, v_counts) as c (task_id, ends)
     where s.task_id = c.task_id and s.key = 'plan' and s.kind = 'flow'
       and s.status in ('blocked', 'held')
    returning s.task_id, s.deps_left
  )
  select array_agg(c.task_id) into v_tasks from counted c where c.deps_left = 0;
  if v_tasks is not null then
    perform cogo.wake_flows(v_tasks);
  end if;
end;
$$;
comment on function cogo.record_ends is
  'Number the ends of steps in the given order, count awaited ones off the flows of their tasks, and wake
those that wait for none any more. Subtasks of tasks without a suspended flow are left out. The caller
holds the task locks.';

create or replace function cogo.end_waiting_steps(
  p_subtask_ids uuid[], p_outputs jsonb[], p_errors jsonb[]
)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids uuid[];
  v_outputs jsonb[];
  v_errors jsonb[];
begin
  select array_agg(s.id order by e.nth), array_agg(e.output order by e.nth),
         array_agg(nullif(e.error, 'null') order by e.nth)
    into v_ids, v_outputs, v_errors
    from unnest(p_subtask_ids, p_outputs, p_errors) with ordinality as e (id, output, error, nth)
    join cogo.subtasks s on s.id = e.id
   where s.status in ('queued', 'delayed', 'waiting', 'held') and s.kind <> 'flow';
  if v_ids is null then
    return 0;
  end if;
  insert into cogo.subtask_outputs (subtask_id, attempt, output)
  select e.id, s.attempt, coalesce(nullif(e.output, 'null'), '{}')
    from unnest(v_ids, v_outputs, v_errors) as e (id, output, error)
    join cogo.subtasks s on s.id = e.id
   where e.error is null;
  update cogo.subtask_payloads p
     set error = e.error
    from unnest(v_ids, v_errors) as e (id, error)
   where p.subtask_id = e.id and e.error is not null;
  update cogo.subtasks s
     set status = case when e.error is null then 'completed' else 'failed' end,
         dead_at = case when e.error is not null then cogo.now() end,
         finished_at = cogo.now()
    from unnest(v_ids, v_errors) as e (id, error)
   where s.id = e.id;
  perform cogo.record_ends(v_ids);
  return cardinality(v_ids);
end;
$$;
comment on function cogo.end_waiting_steps is
  'End steps that nobody has leased, each with an output or an error, number them in the given order, and
wake their flows; return how many. Others, such as ended ones, are left out. The caller holds the task
locks.';

create or replace function cogo.end_unserved_steps(p_limit integer)
  returns integer language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_since timestamptz := cogo.now() - interval '10 minutes';
  v_step record;
  v_count integer := 0;
begin
  for v_step in
    select s.id, s.lane
      from cogo.subtasks s
      join public.cogo_tasks t on t.id = s.task_id
     where s.status = 'queued' and s.kind in ('check', 'call') and s.created_at < v_since
       and not exists (
         select from public.cogo_agents g where g.heartbeat_at > v_since and s.lane = any (g.lanes)
       )
       -- It may have been queued again, as by a redrive.
       and not exists (
         select from cogo.events e
          where e.task_id = s.task_id and e.subtask_id = s.id and e.kind = 'subtask.queued'
            and e.at > v_since
       )
     order by s.created_at
     limit p_limit
       for no key update of t skip locked
  loop
    update cogo.subtask_payloads p
       set error = jsonb_build_object(
             'class', 'no_agent',
             'message', format('no agent has served the lane %s for ten minutes', v_step.lane),
             'hint', 'start an executor that serves it; `cogo agents` lists what the agents serve'
           )
     where p.subtask_id = v_step.id;
    perform cogo.dead_letter_subtask(v_step.id, p.error)
       from cogo.subtask_payloads p where p.subtask_id = v_step.id;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
comment on function cogo.end_unserved_steps is
  'End queued checks and calls whose lane no agent has served for ten minutes, as no_agent; return how
many. Skips locked tasks.';
