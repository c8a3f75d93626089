create or replace function cogo.check_subtask_move()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception using
    errcode = 'TQ003',
    message = format('subtask %s is %s and cannot become %s', old.id, old.status, new.status);
end;
$$;
comment on function cogo.check_subtask_move() is
  'Refuses a move; called for those that are not in cogo.subtask_moves().';

revoke all on function cogo.check_subtask_move() from public, anon, authenticated, service_role;

create or replace trigger check_move
  before update of status on cogo.subtasks
  for each row when (
    old.status is distinct from new.status
    and old.status || '>' || new.status <> all (cogo.subtask_moves())
  )
  execute function cogo.check_subtask_move();
