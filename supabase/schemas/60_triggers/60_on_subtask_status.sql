-- Security definer as cogo.on_task_status(). Runs once per statement: ten subtasks cost one insert of
-- ten events.
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
begin
  if tg_op = 'INSERT' then
    select array_agg(n.id order by n.seq), array_agg(n.agent_id order by n.seq) into v_ids, v_agents
      from new_rows n;
  else
    -- A full join as in cogo.on_task_status().
    select array_agg(n.id order by n.seq), array_agg(o.status order by n.seq),
           array_agg(coalesce(n.agent_id, o.agent_id) order by n.seq)
      into v_ids, v_from, v_agents
      from old_rows o full join new_rows n on n.id = o.id
     where n.status is distinct from o.status;
  end if;
  if v_ids is not null then
    perform cogo.record_changes(v_ids, v_from, v_agents);
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
  for each statement when (current_setting('cogo.is_recorded', true) is distinct from 'on')
  execute function cogo.on_subtask_status();
