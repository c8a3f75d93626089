-- Equal to TASK_MOVES in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.task_moves()
  returns text[]
  language sql
  immutable
  return array[
    'pending>running', 'pending>held', 'pending>failed', 'pending>cancelled', 'running>held',
    'running>completed', 'running>failed', 'running>cancelled', 'held>pending', 'held>running',
    'held>failed', 'held>cancelled', 'failed>pending', 'failed>running'
  ];
comment on function cogo.task_moves() is
  'Every change of status that a task may make, as from>to.';

revoke all on function cogo.task_moves() from public, anon, authenticated, service_role;
grant execute on function cogo.task_moves() to service_role;
