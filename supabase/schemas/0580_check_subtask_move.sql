create or replace function cogo.check_subtask_move()
  returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if not exists (
    select from cogo.subtask_moves() m
     where m.from_status = old.status and m.to_status = new.status
  ) then
    raise exception using
      errcode = 'TQ003',
      message = format('subtask %s is %s and cannot become %s', old.id, old.status, new.status);
  end if;
  return new;
end;
$$;
comment on function cogo.check_subtask_move() is
  'Refuses moves that are not in cogo.subtask_moves().';

revoke all on function cogo.check_subtask_move() from public, anon, authenticated, service_role;

create or replace trigger check_move
  before update of status on cogo.subtasks
  for each row when (old.status is distinct from new.status)
  execute function cogo.check_subtask_move();
