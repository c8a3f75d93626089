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

-- Calls keep the project that they were booked for, and so do the sums by project.
create or replace function cogo.move_to_project()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  update public.cogo_approvals a set project = new.project where a.task_id = new.id;
  update public.cogo_tasks t
     set project = new.project
   where t.parent_task_id = new.id and t.project is not distinct from old.project;
  return null;
end;
$$;
comment on function cogo.move_to_project is
  'Give the questions and the child tasks of a task its new project. Of a trigger.';
create or replace trigger move_to_project
  after update of project on public.cogo_tasks
  for each row when (new.project is distinct from old.project)
  execute function cogo.move_to_project();
