-- Security definer: the history and the channels belong to the owner of the schema.
-- Once for each statement: ten claims cost one insert of ten events. It runs after the statement,
-- so what that wrote beside the subtasks is visible. For the numbers see cogo.tell_tasks().
create or replace function cogo.tell_subtasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- What is read here has an index that leads to it, and one plan is as good as another for few and
  -- for many. Statistics of a queue are out of date whenever they are used: a plan made while it was
  -- empty would read whole tables later, and planning costs more than these statements.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
  v_agents text[];
  v_queued uuid[];
  v_ended uuid[];
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id), array_agg(null::text), array_agg(n.agent_id)
      into v_ids, v_from, v_agents from new_rows n;
  else
    -- A full join is never a nested loop, which thousands of rows would take for ever. It is one
    -- only while the condition may be true of a row without a partner: so not `<>`.
    select array_agg(n.id), array_agg(o.status), array_agg(coalesce(n.agent_id, o.agent_id))
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is null then
    return null;
  end if;

  with numbered as (
    select s.*, c.from_status,
           coalesce(c.who, nullif(cogo.actor(), 'cogo-database')) as who,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, who)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
    -- The end of a history is looked for once a task, and before a row of the task is added: from
    -- there on each look would have to pass by all those rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as recorded
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select c.task_id, coalesce(c.recorded, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.who,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso(c.run_at) end
           ))
      from changed c
  )
  -- TASK_CREATED has already rung for a PLAN that is new.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.type <> 'PLAN')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.type <> 'PLAN')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.ring_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.ring_results(v_ended);
  end if;
  return null;
end;
$$;
comment on function cogo.tell_subtasks() is
  'Records and announces every change of a subtask''s status, in the transaction that makes it.';

revoke all on function cogo.tell_subtasks() from public, anon, authenticated, service_role;

create or replace trigger tell_inserted
  after insert on cogo.subtasks
  referencing new table as new_rows
  for each statement execute function cogo.tell_subtasks();
create or replace trigger tell_updated
  after update on cogo.subtasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.tell_subtasks();
