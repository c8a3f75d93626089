-- Equal to the transitions in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.task_transitions()
  returns text[] language sql immutable
  return array[
    'pending>running', 'pending>held', 'pending>failed', 'pending>cancelled', 'running>held',
    'running>completed', 'running>failed', 'running>cancelled', 'held>pending', 'held>running',
    'held>failed', 'held>cancelled', 'failed>pending', 'failed>running'
  ];
comment on function cogo.task_transitions is
  'Return the allowed changes of a task''s status, as from>to.';

create or replace function cogo.subtask_transitions()
  returns text[] language sql immutable
  return array[
    'blocked>queued', 'blocked>delayed', 'blocked>waiting', 'blocked>held', 'blocked>cancelled',
    'queued>running', 'queued>held', 'queued>cancelled', 'queued>failed', 'queued>delayed',
    'delayed>queued', 'delayed>held', 'delayed>cancelled', 'delayed>failed', 'delayed>completed',
    'waiting>queued', 'waiting>completed', 'waiting>failed', 'waiting>held', 'waiting>cancelled',
    'held>blocked', 'held>queued', 'held>delayed', 'held>waiting', 'held>cancelled',
    'held>completed', 'held>failed', 'running>queued', 'running>delayed', 'running>waiting',
    'running>blocked', 'running>completed', 'running>failed', 'running>cancelled', 'running>held',
    'failed>queued', 'failed>delayed', 'failed>waiting', 'cancelled>blocked', 'cancelled>queued'
  ];
comment on function cogo.subtask_transitions is
  'Return the allowed changes of a subtask''s status, as from>to.';

create or replace function cogo.resting_status(
  p_task_status text,
  p_deps_left integer,
  p_needs_approval boolean,
  p_run_at timestamptz,
  p_now timestamptz,
  p_kind text
)
  returns text language sql immutable
  return case
    when p_task_status = 'held' then 'held'
    when p_deps_left > 0 then 'blocked'
    when p_kind = 'sleep' then 'delayed'
    when p_needs_approval or p_kind in ('approve', 'event', 'task') then 'waiting'
    when p_run_at > p_now then 'delayed'
    else 'queued'
  end;
comment on function cogo.resting_status is 'Return the status of an open subtask that is not running.';
