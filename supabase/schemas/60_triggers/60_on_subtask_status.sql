-- Security definer: only the owner may write events and in realtime.messages.
-- Runs once per statement: ten claims cost one insert of ten events. For the numbers of events see
-- cogo.on_task_status().
create or replace function cogo.on_subtask_status()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
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
    -- A full join as in cogo.on_task_status().
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
           coalesce(c.agent, nullif(cogo.current_actor(), 'cogo-database')) as actor,
           row_number() over (partition by s.task_id order by s.seq) as nth
      from unnest(v_ids, v_from, v_agents) as c (id, from_status, agent)
      join cogo.subtasks s on s.id = c.id
  ), changed as materialized (
    -- Look up the last number once per task and before the insert: later lookups would pass the new
    -- rows.
    select n.*,
           max(
             case n.nth when 1 then (
               select e.seq from cogo.events e where e.task_id = n.task_id
                order by e.seq desc limit 1
             ) end
           ) over (partition by n.task_id) as last_seq
      from numbered n
  ), recorded as (
    insert into cogo.events (task_id, seq, at, kind, subtask_id, attempt, agent_id, detail)
    select c.task_id, coalesce(c.last_seq, 0) + c.nth,
           cogo.now(), 'subtask.' || c.status, c.id, nullif(c.attempt, 0), c.actor,
           jsonb_strip_nulls(jsonb_build_object(
             'key', c.key, 'type', c.type, 'lane', c.lane, 'from', c.from_status,
             'run_at', case when c.status = 'delayed' then cogo.iso_timestamp(c.run_at) end,
             'kind', case when c.kind <> 'ask' then c.kind end,
             'role', case when c.kind = 'ask' then (
               select left(p.metadata ->> 'role', 100)
                 from cogo.subtask_payloads p where p.subtask_id = c.id
             ) end,
             'name', case when c.kind = 'event' and c.status = 'waiting' then (
               select left(p.params ->> 'name', 100)
                 from cogo.subtask_payloads p where p.subtask_id = c.id
             ) end,
             'cap', case when c.status = 'waiting' then (
               select concat_ws(':', w.scope, w.key, w.per)
                 from cogo.budget_waits w where w.subtask_id = c.id
             ) end,
             'awaits', case when c.kind = 'flow' and c.status = 'blocked' then c.deps_left end
           ))
      from changed c
  )
  -- A new flow was announced by TASK_CREATED.
  select array_agg(c.id) filter (
           where c.status = 'queued' and (tg_op = 'UPDATE' or c.kind <> 'flow')
         ),
         array_agg(c.id) filter (where c.status in ('completed', 'failed') and c.kind <> 'flow')
    into v_queued, v_ended
    from changed c;
  if v_queued is not null then
    perform cogo.notify_lanes(v_queued);
  end if;
  if v_ended is not null then
    perform cogo.publish_subtask_results(v_ended);
  end if;
  return null;
end;
$$;
comment on function cogo.on_subtask_status is
  'Record and announce every change of a subtask''s status in the same transaction.';
create or replace trigger on_status_inserted
  after insert on cogo.subtasks
  referencing new table as new_rows
  for each statement execute function cogo.on_subtask_status();
create or replace trigger on_status_updated
  after update on cogo.subtasks
  referencing old table as old_rows new table as new_rows
  for each statement execute function cogo.on_subtask_status();
