create or replace function cogo.insert_plan(
  p_task_id uuid, p_plan jsonb, p_parent_id uuid default null
)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
  -- A time without an offset is UTC.
  set timezone = 'UTC'
as $$
declare
  v_task public.cogo_tasks;
begin
  select t.* into v_task from public.cogo_tasks t where t.id = p_task_id;

  with nodes as materialized (
    select n.*, gen_random_uuid() as id,
           (nullif(n.entry ->> 'run_at', ''))::timestamptz as run_at,
           coalesce((n.entry ->> 'needs_approval')::boolean, false) as needs_approval
      from cogo.parse_plan(p_plan) n
  ), inserted as (
    insert into cogo.subtasks (
      id, task_id, key, type, lane, status, priority, deps_left, max_failures, sink,
      needs_approval, run_at, on_failure
    )
    select n.id, p_task_id, n.key, n.entry ->> 'type', n.entry ->> 'lane',
           cogo.resting_status(
             v_task.status, cardinality(n.dependencies), n.needs_approval, n.run_at, cogo.now(), 'ask'
           ),
           least(9, greatest(0, coalesce((n.entry ->> 'priority')::integer, v_task.priority))),
           cardinality(n.dependencies),
           coalesce((n.entry ->> 'max_failures')::integer, 5),
           n.sink and p_parent_id is null, n.needs_approval, n.run_at,
           coalesce(n.entry ->> 'on_failure', 'fail_task')
      from nodes n
     order by n.ordinal
  ), payloads as (
    insert into cogo.subtask_payloads (subtask_id, params, metadata)
    select n.id, coalesce(nullif(n.entry -> 'params', 'null'), '{}'),
           coalesce(nullif(n.entry -> 'metadata', 'null'), '{}')
      from nodes n
  )
  insert into cogo.dependencies (task_id, parent_id, child_id)
  select p_task_id, parent.id, child.id
    from nodes child
    cross join unnest(child.dependencies) as d (key)
    join nodes parent on parent.key = d.key
   union all
  -- Dependents of the subtask that adds these also wait for the new sinks.
  select p_task_id, added.id, waiting.child_id
    from nodes added
    join cogo.dependencies waiting on waiting.parent_id = p_parent_id
   where added.sink;

  if p_parent_id is not null then
    update cogo.subtasks s
       set deps_left = s.deps_left + (select count(*) from cogo.parse_plan(p_plan) n where n.sink)
     where s.id in (select d.child_id from cogo.dependencies d where d.parent_id = p_parent_id);
  end if;

  perform cogo.record_selection(e.selection, p_task_id, s.id)
     from jsonb_array_elements(coalesce(nullif(p_plan -> 'selections', 'null'), '[]'))
          with ordinality as e (selection, ordinal)
     join cogo.subtasks s on s.task_id = p_task_id and s.key = e.selection ->> 'key'
    order by e.ordinal;
end;
$$;
comment on function cogo.insert_plan is
  'Insert the subtasks of a valid plan; with p_parent_id those that this running subtask adds.';
