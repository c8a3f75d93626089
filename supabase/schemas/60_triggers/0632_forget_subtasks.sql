-- Security definer, as cogo.forget_tasks().
create or replace function cogo.forget_subtasks()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
  -- By the keys, however few there were when the plan was made.
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
begin
  delete from cogo.subtask_outputs u using old_rows o where u.subtask_id = o.id;
  delete from public.cogo_attempts a using old_rows o where a.subtask_id = o.id;
  return null;
end;
$$;
comment on function cogo.forget_subtasks() is
  'Deletes the outputs and attempts of subtasks with them.';

revoke all on function cogo.forget_subtasks() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on cogo.subtasks
  referencing old table as old_rows
  for each statement execute function cogo.forget_subtasks();
