-- Security definer: who may delete a task need not have the right to change its history.
create or replace function cogo.forget_tasks()
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
  delete from cogo.events e using old_rows o where e.task_id = o.id;
  return null;
end;
$$;
comment on function cogo.forget_tasks() is
  'Deletes the histories of tasks with them. What else is theirs goes by its foreign key.';

revoke all on function cogo.forget_tasks() from public, anon, authenticated, service_role;

create or replace trigger forget
  after delete on public.cogo_tasks
  referencing old table as old_rows
  for each statement execute function cogo.forget_tasks();
