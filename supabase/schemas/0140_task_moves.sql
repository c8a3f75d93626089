-- Equal to TASK_MOVES in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.task_moves()
  returns table (from_status text, to_status text)
  language sql
  immutable
  set search_path = ''
as $$
  values
    ('pending', 'running'), ('pending', 'held'), ('pending', 'failed'), ('pending', 'cancelled'),
    ('running', 'held'), ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'),
    ('held', 'pending'), ('held', 'running'), ('held', 'failed'), ('held', 'cancelled'),
    ('failed', 'pending'), ('failed', 'running');
$$;
comment on function cogo.task_moves() is 'Every change of status that a task may make.';

revoke all on function cogo.task_moves() from public, anon, authenticated, service_role;
grant execute on function cogo.task_moves() to service_role;
