create or replace function cogo.reject_transition()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using errcode = 'TQ003',
    message = format('%s %s is %s and cannot become %s', tg_argv[0], old.id, old.status, new.status);
end;
$$;
comment on function cogo.reject_transition is 'Raise TQ003 for a change of status that is not allowed.';
create or replace trigger check_transition
  before update of status on public.cogo_tasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.task_transitions())
  )
  execute function cogo.reject_transition('task');
create or replace trigger check_transition
  before update of status on cogo.subtasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.subtask_transitions())
  )
  execute function cogo.reject_transition('subtask');
