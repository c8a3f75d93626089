create or replace function cogo.fence(
  p_agent_id text, p_attempt public.cogo_attempts, p_subtask cogo.subtasks
)
  returns text
  language sql
  immutable
  return case
    when (p_attempt).agent_id is null then 'unknown'
    when (p_attempt).agent_id <> p_agent_id then 'stale'
    when (p_attempt).ended_at is not null then (p_attempt).outcome
    when (p_subtask).cancel_requested_at is not null then 'closing'
    else 'held'
  end;
comment on function cogo.fence(text, public.cogo_attempts, cogo.subtasks) is
  'Whether an agent still holds an attempt of a subtask: held, closing (its task is over), stale
(another agent''s), unknown (no such row), or the outcome that ended it. An expired lease that nobody
took is held.';

revoke all on function cogo.fence(text, public.cogo_attempts, cogo.subtasks)
  from public, anon, authenticated, service_role;
grant execute on function cogo.fence(text, public.cogo_attempts, cogo.subtasks) to service_role;
