create or replace function cogo.standing(
  p_task_status text,
  p_deps_left integer,
  p_needs_approval boolean,
  p_run_at timestamptz,
  p_now timestamptz
)
  returns text
  language sql
  immutable
  return case
    when p_task_status = 'held' then 'held'
    when p_deps_left > 0 then 'blocked'
    when p_needs_approval then 'waiting'
    when p_run_at > p_now then 'delayed'
    else 'queued'
  end;
comment on function cogo.standing(text, integer, boolean, timestamptz, timestamptz) is
  'Where an open subtask that nobody runs stands, from the facts that decide it.';

revoke all on function cogo.standing(text, integer, boolean, timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.standing(text, integer, boolean, timestamptz, timestamptz)
  to service_role;
