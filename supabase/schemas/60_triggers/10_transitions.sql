-- Without WHEN, which is planned for each statement; the expression of a function is planned once.
create or replace function cogo.check_transition()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if new.status <> old.status and old.status || '>' || new.status <> all (
    case tg_argv[0] when 'task' then cogo.task_transitions() else cogo.subtask_transitions() end
  ) then
    raise exception using errcode = 'TQ003',
      message = format(
        '%s %s is %s and cannot become %s', tg_argv[0], old.id, old.status, new.status
      );
  end if;
  return new;
end;
$$;
comment on function cogo.check_transition is 'Raise TQ003 for a change of status that is not allowed.';
create or replace trigger check_transition
  before update of status on public.cogo_tasks
  for each row execute function cogo.check_transition('task');
create or replace trigger check_transition
  before update of status on cogo.subtasks
  for each row execute function cogo.check_transition('subtask');
