create or replace function cogo.set_approval_project()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.project := (select t.project from public.cogo_tasks t where t.id = new.task_id);
  return new;
end;
$$;
comment on function cogo.set_approval_project is
  'Set the project of a question, which is that of its task. Of triggers.';
create or replace trigger set_project
  before insert or update of task_id on public.cogo_approvals
  for each row execute function cogo.set_approval_project();
