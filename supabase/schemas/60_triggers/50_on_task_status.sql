-- Security definer: cogo.record_changes() is for the owner alone.
create or replace function cogo.on_task_status()
  returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_ids uuid[];
  v_from text[];
begin
  -- A full join is never a nested loop, which would be slow for thousands of rows; `<>` in place of
  -- `is distinct from` would let the planner reduce it to an inner join.
  select array_agg(n.id), array_agg(o.status) into v_ids, v_from
    from old_rows o full join new_rows n on n.id = o.id
   where n.status is distinct from o.status;
  if v_ids is not null then
    perform cogo.record_changes('{}', '{}', '{}', v_ids, v_from);
  end if;
  return null;
end;
$$;
comment on function cogo.on_task_status is
  'Record and announce every change of a task''s status in the same transaction.';
create or replace trigger on_status
  after update on public.cogo_tasks
  referencing old table as old_rows new table as new_rows
  for each statement when (current_setting('cogo.is_recorded', true) is distinct from 'on')
  execute function cogo.on_task_status();
