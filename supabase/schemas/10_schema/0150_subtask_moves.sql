-- Equal to SUBTASK_MOVES in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.subtask_moves()
  returns text[]
  language sql
  immutable
  return array[
    'blocked>queued', 'blocked>delayed', 'blocked>waiting', 'blocked>held', 'blocked>cancelled',
    'queued>running', 'queued>held', 'queued>cancelled', 'queued>failed', 'queued>delayed',
    'delayed>queued', 'delayed>held', 'delayed>cancelled', 'delayed>failed', 'waiting>queued',
    'waiting>completed', 'waiting>failed', 'waiting>held', 'waiting>cancelled', 'held>blocked',
    'held>queued', 'held>delayed', 'held>waiting', 'held>cancelled', 'running>queued',
    'running>delayed', 'running>waiting', 'running>completed', 'running>failed',
    'running>cancelled', 'running>held', 'failed>queued', 'cancelled>blocked',
    'cancelled>queued'
  ];
comment on function cogo.subtask_moves() is
  'Every change of status that a subtask may make, as from>to.';

revoke all on function cogo.subtask_moves() from public, anon, authenticated, service_role;
grant execute on function cogo.subtask_moves() to service_role;
